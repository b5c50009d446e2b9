"""A browser that looks at a page: Debian's Chromium without a window, driven by Selenium."""

import base64
import json
import os
import pathlib
from typing import Any
from urllib.parse import urlsplit

from . import process

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.remote.webelement import WebElement
except ImportError:
    process.skip("Selenium is not installed (Debian's packages: python3-selenium, chromium, chromium-driver)")

__all__ = ["Browser", "Keys", "WebElement"]


class Browser:
    """One window. Leaving the `with` block ends the browser."""

    def __init__(self, work: process.Workspace, *, width: int = 1280, height: int = 900) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = process.need("chromium", "chromium")
        for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--disable-background-networking", "--disable-component-update", "--no-first-run",
                     f"--user-data-dir={work.path / 'browser'}", f"--window-size={width},{height}"):
            options.add_argument(word)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # root has none
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(process.need("chromedriver", "chromium-driver"))
        self._driver = webdriver.Chrome(options=options, service=service)
        self._driver.set_page_load_timeout(60)
        self._driver.set_script_timeout(60)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_what: object) -> None:
        self._driver.quit()

    def open(self, address: str) -> None:
        self._driver.get(address)

    def resize(self, width: int, height: int) -> None:
        """What the page has to itself; a phone may be narrower than a window can be."""
        self._command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700)

    def prefer(self, scheme: str) -> None:
        """"light" or "dark", as the system says."""
        self._command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def run(self, script: str, *values: Any) -> Any:
        return self._driver.execute_script(script, *values)

    def run_module(self, body: str) -> Any:
        """What the body of an async function gives, in which it may import modules of the page."""
        return self._driver.execute_async_script(
            f"const done = arguments[0]; (async () => {{ {body} }})().then((value) => done([value, null]), "
            "(error) => done([null, String(error)]));")

    def find(self, selector: str) -> WebElement:
        return self._driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector: str) -> list[WebElement]:
        return self._driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Of the first, or nothing where there is none or it is not shown."""
        found = self.run("const one = document.querySelector(arguments[0]); return one && one.offsetParent !== null ? "
                         "one.innerText : ''", selector)
        return str(found)

    def press(self, *keys: str) -> None:
        self._driver.switch_to.active_element.send_keys(*keys)

    def focused(self) -> str:
        """What has the keyboard: its label, or its text."""
        return str(self.run("const one = document.activeElement; return one.getAttribute('aria-label') || one.innerText || one.id"))

    def picture(self, path: pathlib.Path, *, whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        shot = self._command("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                             **({"clip": self._whole()} if whole else {}))
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """What the console has said since it was last asked, warnings and errors."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._driver.get_log("browser")
                if entry["level"] in ("WARNING", "SEVERE")]

    def asked_hosts(self) -> set[str]:
        """The hosts that pages have asked for something since this was last asked; the browser's own pages left out."""
        hosts = set()
        for entry in self._driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                hosts.add(urlsplit(message["params"]["request"]["url"]))
        return {host.netloc for host in hosts if host.scheme != "chrome" and host.netloc}

    def _whole(self) -> dict[str, Any]:
        size = self._command("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def _command(self, name: str, **parameters: Any) -> Any:
        return self._driver.execute_cdp_cmd(name, parameters)
