"""A lab of real worker processes, driven by a script that prints what came of it as JSON.

A process of its own, as the database and the broker of a process are chosen once.
Usage: python -m tests.chaos.driver SCENARIO
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.utils import InterfaceError, OperationalError

django.setup()

from battery_db.celery import QUEUES  # noqa: E402
from battery_db.lib.runs import engine, sweeping  # noqa: E402
from battery_db.lib.runs.models import Job  # noqa: E402
from cells.jobs.files import scan_folder  # noqa: E402
from cells.models import FileMetadata, Folder, RawFile  # noqa: E402
from cycling.models import CyclingTest, HalfCycle  # noqa: E402
from tests.chaos import job_kinds  # noqa: E402
from tests.cycling.conftest import cccv_cycles  # noqa: E402
from tests.services import follow_parent  # noqa: E402

PATIENCE_S = 150
AWAY = (OperationalError, InterfaceError)
# Minutes of patience would make this test one of minutes.
sweeping.RESEND_AFTER = timedelta(seconds=3)
sweeping.SEND_AFTER = timedelta(seconds=1)


class Worker:
    """A whole worker, its pool included, that can be killed as by a power cut."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.start()

    def start(self) -> None:
        celery = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "-A", "battery_db"]
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        options = ["--concurrency", "2", "--include", "tests.chaos.job_kinds", "-n", self.name]
        queues = ["--queues", ",".join(QUEUES)]
        with (settings.DATA_DIR / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*celery, "worker", *options, *queues, *alone, "--loglevel", "INFO"],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=follow_parent(signal.SIGTERM),
            )

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def workers(number: int) -> Iterator[list[Worker]]:
    team = [Worker(f"worker{place}@lab") for place in range(number)]
    try:
        yield team
    finally:
        for worker in team:
            worker.kill()


def prepare() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(job_kinds.EFFECTS)


def enqueue(seconds: float) -> Job:
    params = {"seconds": seconds}
    return engine.enqueue("tests.leave_effect", params, trigger=Job.Trigger.COMMAND)


def effects() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT job_id FROM effects")
        return [job_id for (job_id,) in cursor.fetchall()]


def sweep_until(done: Callable[[], bool], each: Callable[[], None] = lambda: None) -> None:
    """Sweep as the scheduler does, only more often, until all jobs have ended."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            sweeping.sweep()
            each()
            if done():
                return
        except AWAY:
            connection.close()
        time.sleep(0.3)


def all_ended() -> bool:
    return not Job.objects.active().exists()


def summary(began: float) -> dict[str, object]:
    found = effects()
    return {
        "states": sorted({job.state for job in Job.objects.all()}),
        "jobs": Job.objects.count(),
        "effects": len(found),
        "distinct": len(set(found)),
        "restarts": sum(job.attempt - 1 for job in Job.objects.all()),
        "seconds": round(time.monotonic() - began, 1),
    }


def chaos() -> dict[str, object]:
    """Kill whole workers, again and again, while they work through a queue."""
    number, kills = 40, 3
    chance = random.Random(20261121)
    with workers(2) as team:
        began = time.monotonic()
        for _ in range(number):
            enqueue(chance.uniform(0.2, 0.8))
        killed = 0

        def kill_one() -> None:
            nonlocal killed
            is_time = len(effects()) >= (killed + 1) * number // (kills + 2)
            if killed < kills and is_time and _is_running():
                worker = team[killed % 2]
                worker.kill()
                worker.start()
                killed += 1

        sweep_until(all_ended, kill_one)
    return {**summary(began), "killed": killed}


def outage() -> dict[str, object]:
    """One long job; the test takes the database away when told that it runs."""
    with workers(1):
        began = time.monotonic()
        enqueue(12)
        sweep_until(_is_running)
        say("running")
        sweep_until(all_ended)
    return summary(began)


def imports() -> dict[str, object]:
    """Kill the worker while it imports files, after the first of them and the third."""
    files, cycles = 20, 300  # enough that both kills come before the last
    file_ids = watched_files(files, cycles)
    with workers(1) as (worker,):
        began = time.monotonic()
        params = {"file_ids": file_ids}
        job = engine.enqueue("cycling.import_files", params, trigger=Job.Trigger.COMMAND)
        killed = 0

        def kill_in_mid_import() -> None:
            nonlocal killed
            if killed < 2 and 2 * killed < CyclingTest.objects.count() < files and _is_running():
                worker.kill()
                worker.start()
                killed += 1

        sweep_until(all_ended, kill_in_mid_import)
    job.refresh_from_db()
    return {
        "state": job.state,
        "result": job.result,
        "killed": killed,
        "restarts": job.attempt - 1,
        "tests": CyclingTest.objects.filter(status="imported").count(),
        "half_cycles": HalfCycle.objects.count(),
        "distinct": HalfCycle.objects.values("test", "polarity", "cycle_count").distinct().count(),
        "expected": files * 2 * cycles,
        "seconds": round(time.monotonic() - began, 1),
    }


def watched_files(number: int, cycles: int) -> list[int]:
    """Cycler files of as many cells, scanned and with complete metadata."""
    path = settings.DATA_DIR / "cyclers"
    path.mkdir()
    for cell in range(number):
        file = path / f"{cell}.bdf.csv"
        cccv_cycles(cycles, capacity_ah=0.2 + cell / 100).write_csv(file)
        os.utime(file, (1.7e9, 1.7e9))
    folder = Folder.objects.create(name="Rack 1", path=str(path), time_zone="UTC")
    scan_folder(folder.pk)
    known = RawFile.objects.order_by("path")
    FileMetadata.objects.bulk_create(
        FileMetadata(
            file=file,
            experiment=FileMetadata.Experiment.CYCLING,
            cell_id=10001 + place,
            start_cycle=0,
            is_valid=True,
        )
        for place, file in enumerate(known)
    )
    return [file.pk for file in known]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _is_running() -> bool:
    return Job.objects.filter(state=Job.State.RUNNING).exists()


if __name__ == "__main__":
    prepare()
    say(json.dumps({"chaos": chaos, "imports": imports, "outage": outage}[sys.argv[1]]()))
