# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Take the screenshots for the documentation: the connection form and a task page, in a real browser.

``python -m scripts.connection_form`` starts Airflow against the simulator, opens its web interface in headless Chromium
and writes the screenshots to ``docs/images``. Before each screenshot of a form, it checks that the form has every field
that the provider declares, with label, help text and placeholder.

It requires the dependency group ``pictures`` and the Debian packages ``chromium`` and ``chromium-driver``.
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
PAGE_TIMEOUT = 120
SWITCHES = (
    "--headless=new",
    # The sandbox does not work as root and in most containers; only local pages are opened.
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
    """The page does not have the expected content."""


@contextlib.contextmanager
def browser() -> Iterator[WebDriver]:
    """Run a headless Chromium with a new profile."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        raise SystemExit("chromium and chromedriver are required: apt-get install chromium chromium-driver")
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
    """Wait for an element on the page and return it.

    :raises TimeoutException: if it does not appear
    """
    ignored = (Exception,)
    return WebDriverWait(page, PAGE_TIMEOUT, ignored_exceptions=ignored).until(
        lambda _: found(), f"no {what} on the page"
    )


def button(place: WebDriver | WebElement, text: str) -> WebElement | None:
    """Find a button by its text."""
    return next((one for one in place.find_elements(By.TAG_NAME, "button") if one.text == text), None)


def open_form(page: WebDriver, url: str) -> WebElement:
    """Open the form for a new connection, select the type Streamkap and return the dialog."""
    page.get(f"{url}/connections")
    until(page, lambda: button(page, "Add Connection"), "button Add Connection").click()
    dialog: WebElement = until(page, lambda: page.find_element(By.CSS_SELECTOR, "[role=dialog]"), "dialog")
    until(page, lambda: dialog.find_element(By.NAME, "connection_id"), "field").send_keys("streamkap_default")
    choice = dialog.find_element(By.CSS_SELECTOR, "input[role=combobox]")
    until(page, lambda: choice.is_displayed() and choice.is_enabled(), "list of types")
    choice.send_keys("Streamkap")
    until(page, lambda: "Streamkap" in page.find_element(By.CSS_SELECTOR, "[role=option]").text, "type Streamkap")
    choice.send_keys(Keys.ENTER)
    until(page, lambda: dialog.find_element(By.NAME, "password"), "password field")
    # Remove the caret and the focus frame.
    page.execute_script("document.activeElement.blur()")
    return dialog


def standard_fields(page: WebDriver, url: str, picture: Path) -> None:
    """Take a screenshot of the form with its standard fields."""
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
    """Take a screenshot of the form with the provider's extra fields."""
    dialog = open_form(page, url)
    until(page, lambda: button(dialog, "Extra Fields"), "section Extra Fields").click()
    fields = form()["conn-fields"].values()
    first = next(iter(fields))["label"]
    until(page, lambda: first in dialog.text, f"field {first}")
    # Wait for the section to expand and the editor of the proxies to render.
    until(page, lambda: dialog.find_element(By.CSS_SELECTOR, ".monaco-editor .view-line"), "editor")
    settle(page, dialog)
    for field in fields:
        require(field["label"] in dialog.text, f"the label {field['label']!r}")
        require(field["description"] in dialog.text, f"the help {field['description']!r}")
    dialog.screenshot(str(picture))


def task_page(page: WebDriver, stack: AirflowStack, picture: Path) -> None:
    """Take a screenshot of a sensor task with the button that links to Streamkap."""
    run_id = stack.trigger_dag("streamkap_gate", run_id="picture")
    # Timestamped lag needs several minutes: the drain, and two points after it.
    state = stack.wait_for_run("streamkap_gate", run_id, timeout=600)
    require(state == "success", f"a successful run, but a {state} one")
    page.set_window_size(1280, 900)
    page.get(f"{stack.url}/dags/streamkap_gate/runs/{run_id}/tasks/wait_until_drained/details")
    link = until(page, lambda: page.find_element(By.LINK_TEXT, "Streamkap"), "button Streamkap")
    require("67ad6e0af08a2365c729ba79" in link.get_attribute("href"), "the destination's id in the link")
    settle(page, page.find_element(By.TAG_NAME, "body"))
    page.save_screenshot(str(picture))


def settle(page: WebDriver, element: WebElement) -> None:
    """Wait until two consecutive screenshots of an element are equal."""
    shots = [b""]

    def same() -> bool:
        shots.append(element.screenshot_as_png)
        return shots[-1] == shots[-2]

    WebDriverWait(page, PAGE_TIMEOUT, poll_frequency=3).until(lambda _: same(), "the page does not stop changing")


def form() -> dict[str, Any]:
    """Return the connection form that the provider declares."""
    declared: dict[str, Any] = get_provider_info()["connection-types"][0]  # type: ignore[index]
    return declared


def require(true: object, what: str) -> None:
    """Raise :class:`PictureError` unless a condition is true."""
    if not true:
        raise PictureError(f"The page should show {what}")


def main() -> None:
    """Take the selected screenshots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", choices=("form", "task", "all"), default="all", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="default: %(default)s")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with StreamkapSimulator() as simulator:
        add_demo(simulator)
        # Not a real page; it only shows that the id is inserted into the template.
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
