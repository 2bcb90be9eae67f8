"""A whole lab for a browser: real processes on a port, with a small demo lab in it."""

import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import services
from tests.deploy.processes import ROOT, lab_environment, wait_until

START_S = 120
NIGHT_S = 240


@dataclass(frozen=True, slots=True)
class Lab:
    url: str
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=NIGHT_S,
        ).stdout


@contextmanager
def embedded_lab(folder: Path) -> Iterator[Lab]:
    """SQLite, the file broker, and everything under ``run_lab``, as after ``make run``."""
    port = services.free_port()
    lab = Lab(f"http://127.0.0.1:{port}", _environment(folder))
    _prepare(lab)
    with ExitStack() as stack:
        _start(stack, lab, folder / "lab.log", "manage.py", "run_lab", "--port", str(port))
        _wait(lab)
        yield lab


@contextmanager
def server_lab(folder: Path) -> Iterator[Lab]:
    """PostgreSQL, Redis, a web process, two worker processes and a scheduler."""
    port = services.free_port()
    with ExitStack() as stack:
        # Outside pytest's folder, which the user that PostgreSQL runs as may not enter.
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="battery_db-e2e-")))
        data.chmod(0o755)
        database = services.PostgreSQL(_made(data / "postgresql"))
        redis = services.Redis(_made(data / "redis"))
        for server in (database, redis):
            server.start()
            stack.callback(server.stop)
        lab = Lab(
            f"http://127.0.0.1:{port}",
            _environment(
                folder, BATTERY_DB_DATABASE_URL=database.url(), BATTERY_DB_REDIS_URL=redis.url()
            ),
        )
        _prepare(lab)
        celery = ("-m", "celery", "-A", "battery_db")
        worker = (*celery, "worker", "-Q", "default,cells,cycling,ftir", "-c", "1", "-l", "INFO")
        for number in (1, 2):
            _start(stack, lab, folder / f"worker{number}.log", *worker, "-n", f"w{number}@%h")
        _start(stack, lab, folder / "beat.log", *celery, "beat", "-l", "INFO")
        web = ("-m", "gunicorn", "battery_db.wsgi", "-b", f"127.0.0.1:{port}", "--threads", "4")
        _start(stack, lab, folder / "web.log", *web)
        _wait(lab)
        yield lab


def _environment(folder: Path, **variables: str) -> dict[str, str]:
    data = folder / "var"
    return lab_environment(BATTERY_DB_DATA_DIR=str(data), **variables)


def _prepare(lab: Lab) -> None:
    lab.manage("migrate", "-v0")
    lab.manage("collectstatic", "--noinput", "-v0")
    lab.manage("create_demo_lab", "--cells", "6", "--cycles", "60", "--no-night")


def _start(stack: ExitStack, lab: Lab, log: Path, *arguments: str) -> None:
    output = stack.enter_context(log.open("w"))
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=lab.environment,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(lab: Lab) -> None:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{lab.url}/healthz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    wait_until(answers, seconds=START_S, what=f"the lab at {lab.url}")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
