"""Wait for what a page says of itself.

Playwright's ``wait_for_function`` evaluates text inside the page from its second look on,
which the content security policy of battery_db forbids; asking from outside does not.
"""

import time

import pytest


def wait_until(page, expression: str, seconds: float = 20) -> None:
    """Until ``expression``, or the function it is, holds in the page."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        if time.monotonic() > deadline:
            pytest.fail(f"{page.url}: after {seconds:g} s still not {expression}")
        page.wait_for_timeout(50)
