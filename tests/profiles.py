"""pytest plugin: choose the database and the broker before Django reads its settings.

``--profile server`` (the default) runs on PostgreSQL and Redis, started here unless
their URLs are given; ``--profile sqlite`` is the embedded profile, in a temporary
folder. Both leave nothing behind.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests import services

PROFILES = ("server", "sqlite")
ServerType = TypeVar("ServerType", bound=services.Server)
_servers: list[services.Server] = []
_folder: Path | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--profile",
        choices=PROFILES,
        default=os.environ.get("BATTERY_DB_TEST_PROFILE", "server"),
        help="server: PostgreSQL and Redis (default); sqlite: the embedded profile.",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    # A wrapper runs before pytest-django, which reads the settings in this hook.
    options = early_config.known_args_namespace
    if not options.help and "PYTEST_XDIST_WORKER" not in os.environ:
        try:
            _prepare(options.profile)
        except services.MissingService as error:
            _clean_up()
            raise pytest.UsageError(str(error)) from error
        except BaseException:
            _clean_up()
            raise
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _clean_up()


def _prepare(profile: str) -> None:
    """Set the variables that battery_db.settings is about to read."""
    global _folder
    signal.signal(signal.SIGTERM, _interrupt)
    _folder = Path(tempfile.mkdtemp(prefix="battery_db-tests-"))
    _folder.chmod(0o755)  # the database server may run as another user
    for name in [name for name in os.environ if name.startswith("BATTERY_DB_")]:
        if not name.startswith(("BATTERY_DB_TEST_", "BATTERY_DB_REAL_DATA")):
            del os.environ[name]
    os.environ["BATTERY_DB_DATA_DIR"] = str(_folder / "var")
    os.environ["BATTERY_DB_TEST_PROFILE"] = profile
    if profile == "server":
        os.environ["BATTERY_DB_DATABASE_URL"] = _database_url(_folder)
        os.environ["BATTERY_DB_REDIS_URL"] = _redis_url(_folder)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt("terminated")  # pytest ends in order, as after Ctrl-C


def _database_url(folder: Path) -> str:
    if given := os.environ.get("BATTERY_DB_TEST_DATABASE_URL"):
        return given
    (folder / "postgresql").mkdir()
    server = services.PostgreSQL(folder / "postgresql")
    return _started(server).url()


def _redis_url(folder: Path) -> str:
    if given := os.environ.get("BATTERY_DB_TEST_REDIS_URL"):
        return given
    (folder / "redis").mkdir()
    return _started(services.Redis(folder / "redis")).url()


def _started(server: ServerType) -> ServerType:
    _servers.append(server)
    server.start()
    return server


def _clean_up() -> None:
    while _servers:
        _servers.pop().stop()
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)
