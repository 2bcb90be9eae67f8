"""The whole lab in one terminal: web, worker and scheduler on one machine."""

import hashlib
import socket
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from battery_db.celery import QUEUES
from battery_db.demo.lab import ACCOUNTS
from battery_db.supervisor import Child, Supervisor

PORTS_TRIED = 20
HEALTH_EVERY_S = 0.5
SLOW_START_S = 60


class Command(BaseCommand):
    help = "Prepare the database and static files, then run web, worker and scheduler together."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.PORT, help="0: any free port.")
        parser.add_argument("--bind", default=settings.BIND, help="Address to listen on.")
        parser.add_argument("--workers", type=int, default=2, help="Jobs that run side by side.")
        parser.add_argument(
            "--demo", action="store_true", help="Create the demo lab if the database is empty."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Before preparing, which takes long the first time: a wrong address shows at once.
        port = _free_port(options["bind"], options["port"])
        accounts = _prepare(self.stdout, demo=options["demo"])
        url = f"http://{_host_for_people(options['bind'])}:{port}/"
        Supervisor(
            _children(options["bind"], port, options["workers"]),
            output=self.stdout,
            tick=_Welcome(url, accounts),
        ).run()


class _Welcome:
    """Says where the lab is, once it answers."""

    def __init__(self, url: str, accounts: list[str]) -> None:
        self.url = url
        self.accounts = accounts
        self.next_try = time.monotonic() + HEALTH_EVERY_S
        self.late_at = time.monotonic() + SLOW_START_S
        self.is_done = False

    def __call__(self, supervisor: Supervisor) -> None:
        now = time.monotonic()
        if self.is_done or now < self.next_try:
            return
        self.next_try = now + HEALTH_EVERY_S
        if _answers(f"{self.url}healthz"):
            self.is_done = True
            for line in _box([f"battery_db is at {self.url}", *self.accounts, "Ctrl-C stops it."]):
                supervisor.say(line)
        elif now > self.late_at:
            self.late_at = now + SLOW_START_S
            supervisor.say("The web process does not answer yet; its lines above say why.")


def _prepare(output: Any, *, demo: bool) -> list[str]:
    """Make database and static files ready; returns the lines about how to sign in."""
    call_command("migrate", interactive=False, verbosity=0)
    _collect_static()
    if demo:
        call_command("create_demo_lab", if_empty=True, stdout=output)
    accounts = _accounts()
    connections.close_all()  # the children open their own
    return accounts


def _collect_static() -> None:
    """Collect and compress static files, unless nothing changed since the last time."""
    stamp = settings.STATIC_ROOT.parent / "static.fingerprint"
    fingerprint = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(fingerprint)


def _static_fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            file = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{file.st_size}\0{file.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _children(bind: str, port: int, workers: int) -> list[Child]:
    # A lab that tries this as root in a container has no pickles to fear.
    quiet = ["-W", "ignore:You're running the worker with superuser"]
    celery = [sys.executable, *quiet, "-m", "celery", "--quiet", "-A", "battery_db"]
    web = [sys.executable, "-m", "gunicorn", "battery_db.wsgi:application"]
    serve = ["--bind", f"{bind}:{port}", "--threads", "8", "--graceful-timeout", "5"]
    worker = ["worker", "--queues", ",".join(QUEUES), "--concurrency", str(workers)]
    # One machine, one worker: the chatter between workers has nobody to talk to.
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [
        Child("web", [*web, *serve, "--no-control-socket", "--log-level", "warning"]),
        Child("worker", [*celery, *worker, *alone, "--loglevel", "INFO"]),
        Child("beat", [*celery, "beat", "--pidfile=", "--loglevel", "WARNING"]),
    ]


def _free_port(bind: str, wanted: int) -> int:
    for port in range(wanted, wanted + PORTS_TRIED) if wanted else [0]:
        with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind.strip("[]"), port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise CommandError(
        f"No free port from {wanted} to {wanted + PORTS_TRIED - 1} on {bind}. "
        "Set BATTERY_DB_PORT to another one."
    )


def _host_for_people(bind: str) -> str:
    return "127.0.0.1" if bind in ("0.0.0.0", "::", "[::]") else bind  # noqa: S104


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
            return True
    except urllib.error.HTTPError:
        return True  # it answers; ALLOWED_HOSTS may not name the loopback address
    except OSError:
        return False


def _accounts() -> list[str]:
    """Lines about how to sign in; passwords only of demo accounts that still have them."""
    users = {user.get_username(): user for user in get_user_model().objects.all()[:20]}
    if not users:
        return ["No account yet: manage.py create_user <name> --role admin makes the first."]
    demo = [
        f"  {name:<8} {password}"
        for name, password in ACCOUNTS.items()
        if name in users and users[name].check_password(password)
    ]
    return ["Demo accounts (user, password):", *demo] if demo else []


def _box(lines: list[str]) -> list[str]:
    width = max(map(len, lines))
    edge = "+" + "-" * (width + 2) + "+"
    return ["", edge, *(f"| {line:<{width}} |" for line in lines), edge, ""]
