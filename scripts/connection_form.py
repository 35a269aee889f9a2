# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Take the pictures of the documentation: the connection form and a task's page, in a real browser.

``python -m scripts.connection_form`` starts Airflow with the simulator behind it, opens its web interface in a
headless Chromium, does what a person would do, and writes the pictures to ``docs/images``. Before it photographs a
form it checks that every field that the provider declares is in it, with its label, help and placeholder.

It needs the dependency group ``pictures`` and Debian's packages ``chromium`` and ``chromium-driver``.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from airflow_provider_streamkap.get_provider_info import get_provider_info
from airflow_provider_streamkap.testing import StreamkapSimulator
from airflow_provider_streamkap.testing.demo import add_demo
from scripts.airflow_stack import AirflowStack

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120
SWITCHES = (
    "--headless=new",
    # Chromium refuses to sandbox itself as root and in most containers; it only opens a page of our own here.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--window-size=1280,1800",
)


class PictureError(Exception):
    """The page does not show what it should."""


@contextlib.contextmanager
def browser() -> Iterator[WebDriver]:
    """Run a headless Chromium with a new profile."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        raise SystemExit("chromium and chromedriver are needed: apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for switch in (*SWITCHES, f"--user-data-dir={profile}"):
            options.add_argument(switch)
        page = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield page
        finally:
            page.quit()


def until(page: WebDriver, found: Callable[[], Any], what: str) -> Any:
    """Wait until something is on the page and return it.

    :raises PictureError: if it does not come
    """
    ignored = (Exception,)
    return WebDriverWait(page, PATIENCE, ignored_exceptions=ignored).until(lambda _: found(), f"no {what} on the page")


def button(place: WebDriver | WebElement, text: str) -> WebElement | None:
    """Find a button by its text."""
    return next((one for one in place.find_elements(By.TAG_NAME, "button") if one.text == text), None)


def open_form(page: WebDriver, url: str) -> WebElement:
    """Open the form of a new connection, choose the type Streamkap and return the dialog."""
    page.get(f"{url}/connections")
    until(page, lambda: button(page, "Add Connection"), "button Add Connection").click()
    dialog: WebElement = until(page, lambda: page.find_element(By.CSS_SELECTOR, "[role=dialog]"), "dialog")
    until(page, lambda: dialog.find_element(By.NAME, "connection_id"), "field").send_keys("streamkap_default")
    choice = dialog.find_element(By.CSS_SELECTOR, "input[role=combobox]")
    choice.send_keys("Streamkap")
    until(page, lambda: "Streamkap" in page.find_element(By.CSS_SELECTOR, "[role=option]").text, "type Streamkap")
    choice.send_keys(Keys.ENTER)
    until(page, lambda: dialog.find_element(By.NAME, "password"), "password field")
    # No caret and no frame around the field that was used last.
    page.execute_script("document.activeElement.blur()")
    return dialog


def standard_fields(page: WebDriver, url: str, picture: Path) -> None:
    """Photograph the form with its standard fields."""
    dialog = open_form(page, url)
    behaviour = form()["ui-field-behaviour"]
    for name, label in behaviour["relabeling"].items():
        shown = dialog.find_element(By.NAME, name)
        require(label in dialog.text, f"the label {label!r}")
        require(shown.get_attribute("placeholder") == behaviour["placeholders"][name], f"the placeholder of {name}")
    for name in behaviour["hidden-fields"]:
        require(not dialog.find_elements(By.NAME, name), f"a form without {name}")
    dialog.screenshot(str(picture))


def extra_fields(page: WebDriver, url: str, picture: Path) -> None:
    """Photograph the form with the provider's own fields."""
    dialog = open_form(page, url)
    until(page, lambda: button(dialog, "Extra Fields"), "section Extra Fields").click()
    fields = form()["conn-fields"].values()
    first = next(iter(fields))["label"]
    until(page, lambda: first in dialog.text, f"field {first}")
    # The section unfolds, and the editor of the proxies draws itself; the picture is of what comes to rest.
    until(page, lambda: dialog.find_element(By.CSS_SELECTOR, ".monaco-editor .view-line"), "editor")
    settle(page, dialog)
    for field in fields:
        require(field["label"] in dialog.text, f"the label {field['label']!r}")
        require(field["description"] in dialog.text, f"the help {field['description']!r}")
    dialog.screenshot(str(picture))


def task_page(page: WebDriver, stack: AirflowStack, picture: Path) -> None:
    """Photograph the page of a sensor's task, with the button that leads to Streamkap."""
    run_id = stack.trigger_dag("streamkap_gate", run_id="picture")
    state = stack.wait_for_run("streamkap_gate", run_id)
    require(state == "success", f"a successful run, but a {state} one")
    page.set_window_size(1280, 900)
    page.get(f"{stack.url}/dags/streamkap_gate/runs/{run_id}/tasks/wait_until_drained/details")
    link = until(page, lambda: page.find_element(By.LINK_TEXT, "Streamkap"), "button Streamkap")
    require("67ad6e0af08a2365c729ba79" in link.get_attribute("href"), "the destination's id in the link")
    settle(page, page.find_element(By.TAG_NAME, "body"))
    page.save_screenshot(str(picture))


def settle(page: WebDriver, element: WebElement) -> None:
    """Wait until an element looks the same twice."""
    looks = [b""]

    def same() -> bool:
        looks.append(element.screenshot_as_png)
        return looks[-1] == looks[-2]

    WebDriverWait(page, PATIENCE, poll_frequency=3).until(lambda _: same(), "the page does not come to rest")


def form() -> dict[str, Any]:
    """Return the form as the provider declares it."""
    declared: dict[str, Any] = get_provider_info()["connection-types"][0]  # type: ignore[index]
    return declared


def require(true: object, what: str) -> None:
    """Stop if something is not as it should be."""
    if not true:
        raise PictureError(f"The page should show {what}")


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", choices=("form", "task", "all"), default="all", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="default: %(default)s")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with StreamkapSimulator() as simulator:
        add_demo(simulator)
        # A template that leads nowhere, but shows that the id gets into it.
        connection = simulator.airflow_connection(app_url_template="https://app.streamkap.com/?id={destination_id}")
        stack = AirflowStack(Path(sys.executable), ROOT / "example_dags", {"streamkap_default": connection})
        with stack, browser() as page:
            if options.page in ("form", "all"):
                standard_fields(page, stack.url, options.out / "connection-form.png")
                extra_fields(page, stack.url, options.out / "connection-form-extra.png")
            if options.page in ("task", "all"):
                task_page(page, stack, options.out / "task-link.png")
    for picture in sorted(options.out.glob("*.png")):
        print(picture)


if __name__ == "__main__":
    main()
