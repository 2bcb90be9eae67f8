"""A headless Chromium against a live server. Run as a process of its own: pytest tests/e2e.

Playwright keeps an event loop in the main thread, which Django takes for an asynchronous
context; the guard against database calls there is switched off here and nowhere else.
"""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

NAMES = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    path = next((found for name in NAMES if name and (found := shutil.which(name))), None)
    if path is None:
        message = "Chromium is missing: `make services` installs it."
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, live_server):
    """A fresh tab; anything a page complains about in the console fails the test."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    tab = context.new_page()
    complaints = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("response", lambda answer: answer.status >= 400 and complaints.append(str(answer)))
    # Leaving a page ends what it was still asking for.
    tab.on(
        "requestfailed",
        lambda request: (
            request.failure == "net::ERR_ABORTED" or complaints.append(f"failed: {request.url}")
        ),
    )
    tab.on(
        "console", lambda line: line.type == "error" and complaints.append(f"{tab.url} {line.text}")
    )
    yield tab
    context.close()
    assert complaints == []


@pytest.fixture
def sign_in(page, people):
    """``sign_in("member")`` fills in the login form as a person would."""

    def as_role(role):
        page.goto("/account/login/")
        page.locator("input[name=username]").fill(people[role].username)
        page.locator("input[name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "login" not in url)
        return page

    return as_role
