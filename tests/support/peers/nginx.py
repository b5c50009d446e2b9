"""nginx as an HTTP server behind a proxy, and as a TCP proxy itself (module stream)."""

import glob
import os
import pathlib
import subprocess
from collections.abc import Sequence

from . import process

_MODULES = "/usr/lib/nginx/modules/ngx_stream_module.so"

_HTTP = """\
{common}
http {{
    access_log off;
    sendfile on;
{allow}
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{zones}
    server {{
{listens}
{rules}
        location = / {{ return 200 "ok\\n"; }}
        location / {{ root {root}; }}
    }}
}}
"""

_STREAM = """\
{common}
stream {{
    access_log off;
    upstream backends {{
{servers}
    }}
{zones}
    server {{
        listen {host}:{port}{listen_options};
        proxy_pass {to};
{rules}
    }}
{servers_of_ports}
}}
"""


def has_stream() -> bool:
    """Whether nginx can be a TCP proxy: as a module, or built in."""
    return bool(glob.glob(_MODULES))


def start_http(work: process.Workspace, name: str, hosts: list[str], port: int, *, zones: Sequence[str] = (),
               rules: Sequence[str] = (), where: process.Where | None = None) -> subprocess.Popen[bytes]:
    """A tiny answer at `/`, and the files of `work.path/www` below it. One that listens on every address ("0.0.0.0")
    answers only the loopback net.

    `rules` are directives for the server, `zones` are those that stand outside of it.
    """
    folder = work.path / name
    root = work.path / "www"
    for needed in (folder, root):
        needed.mkdir(exist_ok=True)
    listens = "\n".join(f"        listen {host}:{port} backlog=4096;" for host in hosts)
    allow = "    allow 127.0.0.0/8;\n    deny all;" if "0.0.0.0" in hosts else ""
    text = _HTTP.format(common=_common(folder), folder=folder, listens=listens, root=root, allow=allow,
                        zones="\n".join(f"    {zone};" for zone in zones),
                        rules="\n".join(f"        {rule};" for rule in rules))
    return _start(work, name, text, hosts[0], port, where)


def start_stream(work: process.Workspace, name: str, host: str, port: int, backends: list[str], *,
                 workers: int = 1, zones: Sequence[str] = (), listen_options: str = "",
                 rules: Sequence[str] = (), more_ports: Sequence[int] = (), to: str = "backends",
                 where: process.Where | None = None) -> subprocess.Popen[bytes]:
    """Takes turns over `backends`; everything that concerns the relaying is nginx's default.

    `rules` are directives for the server, `zones` are those that stand outside of it; `listen_options` are words behind
    its address. Each of `more_ports` has a server of its own. `to` may be a variable with the word "backends".
    """
    folder = work.path / name
    folder.mkdir(exist_ok=True)
    servers = "\n".join(f"        server {backend};" for backend in backends)
    module = f"load_module {_MODULES};\n" if has_stream() else ""
    text = module + _STREAM.format(common=_common(folder, workers), servers=servers, host=host, port=port,
                                   listen_options=f" {listen_options}" if listen_options else "",
                                   zones="\n".join(f"    {zone}" + ("" if zone.endswith("}") else ";") for zone in zones),
                                   to=to, rules="\n".join(f"        {rule};" for rule in rules),
                                   servers_of_ports="\n".join(f"    server {{ listen {host}:{one}; proxy_pass backends; }}"
                                                              for one in more_ports))
    return _start(work, name, text, host, port, where)


def _common(folder: pathlib.Path, workers: int = 1) -> str:
    # As root, workers would change to a user who may not read the workspace.
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (f"{user}daemon off;\nworker_processes {workers};\nworker_rlimit_nofile 20000;\npid {folder}/pid;\n"
            f"error_log stderr error;\nevents {{ worker_connections 19000; }}")


def _start(work: process.Workspace, name: str, text: str, host: str, port: int,
           where: process.Where | None) -> subprocess.Popen[bytes]:
    path = work.write(f"{name}/nginx.conf", text)
    program = process.need("nginx", "nginx")
    server = work.spawn(name, [program, "-e", "stderr", "-c", str(path), "-p", str(path.parent)], where=where)
    work.wait_for_port(name, server, host, port)
    return server
