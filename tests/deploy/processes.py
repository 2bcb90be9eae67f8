"""Whole processes of battery_db in tests: a clean environment, and what is still alive."""

import os
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lab_environment(**variables: str) -> dict[str, str]:
    """This environment with no BATTERY_DB_ variable but the given ones."""
    # The browser tests, when they are collected too, switch off a guard of Django.
    ours = ("BATTERY_DB_", "DJANGO_ALLOW_ASYNC_UNSAFE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "DJANGO_SETTINGS_MODULE": "battery_db.settings", **variables}


def processes_with(text: str) -> list[int]:
    """Ids of living processes whose environment contains ``text`` (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if text.encode() in environment and state != "Z":
            found.append(int(folder.name))
    return found


def wait_until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.1)
