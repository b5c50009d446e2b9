#!/usr/bin/env python3
"""Holds the headers and includes of src/ to the house's order (src/ARCHITECTURE.md, "The house").

An include points down; within a layer only pool -> balance, pool -> metrics and admin -> server. So does a declaration of
another room's class. Libraries stay in the rooms that know them. Every header opens with a comment that says what it is and has `#pragma once`.

usage: layers_test.py SRC        checks a tree; prints "file:line: what is wrong" and exits 1 when anything is
       layers_test.py --self     checks this checker, on small trees with one fault each
"""

import pathlib
import re
import sys
import tempfile
import unittest

LAYERS = [
    ["base"],
    ["pool", "balance", "admission", "metrics", "wire"],
    ["net", "config"],
    ["relay", "tls"],
    ["session", "health", "discovery"],
    ["server", "admin"],
    ["cli"],
]
LAYER_OF = {folder: height for height, folders in enumerate(LAYERS) for folder in folders}
SIDEWAYS = {("pool", "balance"), ("pool", "metrics"), ("admin", "server")}

# Declarations that point up all the same: a file, and the room whose class it names and does not look into.
DECLARED_UP = {("pool/backend_tls.h", "tls")}

# Which files may include a library: its headers, and a pattern of the paths below src/ where they are at home.
LIBRARIES = {
    "libevent": (r"event2/|event\.h$|evhttp\.h$", r"admin/http_(server|connections|loop)\."),
    "toml++": (r"toml\+\+/|toml\.hpp$", r"config/toml_reader\.cc$"),
    "CLI11": (r"CLI/", r"cli/"),
    "libcap-ng": (r"cap-ng\.h$", r"net/privileges\."),
    "libbpf": (r"bpf/", r"net/packet_filter"),
    "c-ares": (r"ares\.h$|ares_", r"net/ares_session\."),
    "OpenSSL": (r"openssl/", r"tls/"),
    "libsystemd": (r"systemd/", r"server/(service_manager|socket_activation)\.cc$"),
    "xxHash": (r"xxhash\.h$|xxh3\.h$", r"admission/client_key\.cc$|balance/maglev\.cc$|pool/client_hash\.cc$"),
}

NAMESPACE = re.compile(r"^\s*namespace\s+weir::(?P<room>\w+)")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?P<open>[<"])(?P<path>[^>"]+)[>"]')


def folder_of(path):
    return path.split("/")[0] if "/" in path else None


def may_include(user, used):
    """Whether a file of folder `user` may include a header of folder `used`."""
    return user == used or LAYER_OF[used] < LAYER_OF[user] or (user, used) in SIDEWAYS


def problem_of_include(name, included, quoted):
    """What is wrong with the file `name` including `included`, or None. Paths are relative to src/."""
    for library, (headers, home) in LIBRARIES.items():
        if re.match(headers, included) and not re.match(home, name):
            return f"{library} is included outside its room ({included})"
    user, used = folder_of(name), folder_of(included)
    if used not in LAYER_OF:
        return f'"{included}" is not written as "folder/header.h" from src/' if quoted else None
    if not quoted:
        return f"<{included}> is Weir's own header: quotes, not angle brackets"
    if not may_include(user, used):
        way = "up" if LAYER_OF[used] > LAYER_OF[user] else "sideways"
        return f"{user} (layer {LAYER_OF[user]}) includes {way}: {included} (layer {LAYER_OF[used]})"
    return None


def problem_of_namespace(name, room):
    """What is wrong with the file `name` opening the namespace of `room`, or None."""
    user = folder_of(name)
    if room not in LAYER_OF or may_include(user, room) or (name, room) in DECLARED_UP:
        return None
    way = "up" if LAYER_OF[room] > LAYER_OF[user] else "sideways"
    return f"{user} (layer {LAYER_OF[user]}) declares {way}: {room} (layer {LAYER_OF[room]})"


def problems_of_header(lines):
    if not lines or not lines[0].startswith("//"):
        yield 1, "a header opens with a comment: what this is, what it is not, who owns it"
    if "#pragma once" not in (line.strip() for line in lines):
        yield 1, "#pragma once is missing"


def problems_of_file(name, text):
    """Pairs of a line number and what is wrong there."""
    if folder_of(name) not in LAYER_OF:
        yield 1, f"the folder has no layer; LAYERS in {pathlib.Path(__file__).name} lists them"
        return
    lines = text.splitlines()
    if name.endswith(".h"):
        yield from problems_of_header(lines)
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include:
            problem = problem_of_include(name, include["path"], include["open"] == '"')
            if problem:
                yield number, problem
        namespace = NAMESPACE.match(line)
        if namespace:
            problem = problem_of_namespace(name, namespace["room"])
            if problem:
                yield number, problem


def problems_of_tree(src):
    for path in sorted(p for p in src.rglob("*") if p.suffix in (".h", ".cc")):
        name = path.relative_to(src).as_posix()
        for number, problem in problems_of_file(name, path.read_text(encoding="utf-8")):
            yield f"{path}:{number}: {problem}"


class SelfTest(unittest.TestCase):
    def problems(self, **files):
        """Problems of a tree; a file's name is given with __ for / and _dot_ for its last dot."""
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder)
            for key, text in files.items():
                path = src / key.replace("__", "/").replace("_dot_", ".")
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return [line.removeprefix(folder + "/") for line in problems_of_tree(src)]

    def assert_one(self, expected, **files):
        problems = self.problems(**files)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(expected, problems[0])

    def test_a_tree_that_keeps_the_order_is_passed(self):
        self.assertEqual([], self.problems(
            base__error_dot_h="// Errors.\n#pragma once\n#include <string>\n",
            pool__pool_dot_cc='#include "pool/pool.h"\n#include "balance/policy.h"\n#include "base/error.h"\n',
            admin__http_server_dot_cc='#include <event2/http.h>\n#include "server/worker.h"\n',
            admin__http_loop_dot_cc="#include <event2/event.h>\n",
            config__toml_reader_dot_cc="#include <toml++/toml.h>\n",
            cli__main_dot_cc='#include <CLI/CLI.hpp>\n#include "admin/http_server.h"\n',
            net__privileges_dot_cc="#include <cap-ng.h>\n",
            net__packet_filter_maps_dot_cc="#include <bpf/bpf.h>\n",
            tls__context_dot_cc="#include <openssl/ssl.h>\n"))

    def test_an_include_that_points_up_is_found_with_its_line(self):
        self.assert_one("base/error.cc:2: base (layer 0) includes up: net/socket.h (layer 2)",
                        base__error_dot_cc='#include "base/error.h"\n#include "net/socket.h"\n')

    def test_an_include_within_a_layer_is_found(self):
        self.assert_one("includes sideways", net__socket_dot_cc='#include "config/model.h"\n')
        self.assert_one("includes sideways", balance__policy_dot_cc='#include "pool/backend.h"\n')
        self.assert_one("includes sideways", server__worker_dot_cc='#include "admin/routes.h"\n')

    def test_a_declaration_that_points_up_is_found_but_where_it_is_known(self):
        self.assert_one("pool/pool.h:3: pool (layer 1) declares up: tls (layer 3)",
                        pool__pool_dot_h="// A pool.\n#pragma once\nnamespace weir::tls {\nclass ClientContext;\n}\n")
        self.assert_one("declares sideways", health__check_dot_cc="namespace weir::session {\nclass Session;\n}\n")
        self.assertEqual([], self.problems(
            pool__backend_tls_dot_h="// TLS.\n#pragma once\nnamespace weir::tls {\nclass ClientContext;\n}\n",
            health__check_dot_h="// A check.\n#pragma once\nnamespace weir::tls {\nclass ClientContext;\n}\n"))

    def test_spaces_around_the_hash_hide_nothing(self):
        self.assert_one("includes up", base__error_dot_cc='  #  include  "cli/args.h"\n')

    def test_an_own_header_in_angle_brackets_is_found(self):
        self.assert_one("quotes", base__error_dot_cc="#include <cli/args.h>\n")

    def test_a_quoted_include_without_its_folder_is_found(self):
        self.assert_one("from src/", base__error_dot_cc='#include "error.h"\n')

    def test_libraries_outside_their_rooms_are_found(self):
        self.assert_one("libevent", server__worker_dot_cc="#include <event2/event.h>\n")
        self.assert_one("libevent", admin__routes_dot_cc="#include <event2/http.h>\n")
        self.assert_one("toml++", config__build_dot_cc="#include <toml++/toml.h>\n")
        self.assert_one("CLI11", server__worker_dot_cc="#include <CLI/CLI.hpp>\n")
        self.assert_one("libcap-ng", net__socket_dot_cc="#include <cap-ng.h>\n")
        self.assert_one("libbpf", net__socket_dot_cc="#include <bpf/bpf.h>\n")
        self.assert_one("OpenSSL", session__session_dot_cc="#include <openssl/ssl.h>\n")
        self.assert_one("c-ares", net__resolver_dot_cc="#include <ares.h>\n")
        self.assert_one("xxHash", admission__client_table_dot_cc="#include <xxhash.h>\n")

    def test_a_header_without_its_guard_or_its_comment_is_found(self):
        self.assert_one("#pragma once", base__error_dot_h="// Errors.\n")
        self.assert_one("opens with a comment", base__error_dot_h="#pragma once\n")

    def test_a_folder_without_a_layer_is_found(self):
        self.assert_one("no layer", utils__misc_dot_cc="")


def main():
    if sys.argv[1:] == ["--self"]:
        unittest.main(argv=sys.argv[:1])
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    problems = list(problems_of_tree(pathlib.Path(sys.argv[1])))
    print("\n".join(problems) or "every include points down")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
