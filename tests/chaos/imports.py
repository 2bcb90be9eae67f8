"""One file that grows, imported by processes that are killed, or that do it at the same time.

A process of its own, as the database of a process is chosen once. Every import runs in a
fork of it, so that a kill is a real SIGKILL and costs no start; this process itself never
computes with Polars, whose threads do not outlive a fork.

Usage: python -m tests.chaos.imports kills|twins|twice NUMBER SEED
"""

import contextlib
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

django.setup()

from battery_db import upkeep  # noqa: E402
from battery_db.lib.runs import engine  # noqa: E402
from battery_db.lib.runs.models import Job  # noqa: E402
from battery_db.lib.storage import storage  # noqa: E402
from cells.models import FileMetadata, Folder, RawFile  # noqa: E402
from cycling.half_cycles import summarise  # noqa: E402
from cycling.jobs import importing  # noqa: E402
from cycling.models import CyclingTest  # noqa: E402
from cycling.services.stored_series import read_stored  # noqa: E402
from tests.cycling.conftest import scanned  # noqa: E402
from tests.cycling.growing import WRITERS, assert_same, growing_series, told  # noqa: E402

CYCLES = 120
NIGHT_BYTES = 3_000
NAME = "cell.bdf.csv"


class Lab:
    """A folder in which a file grows by itself, and one that has it whole."""

    def __init__(self, number: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.content = (settings.DATA_DIR / "content").read_bytes()
        self.length = len(self.content) - (number + 2) * NIGHT_BYTES
        self.path = settings.DATA_DIR / "grows" / NAME
        self.path.parent.mkdir()
        self.folder = Folder.objects.create(name="grows", path=str(self.path.parent))

    def grow(self) -> int:
        """A night in which the cycler wrote; the file as the scan leaves it."""
        self.length = min(
            self.length + self.chance.randrange(1, 2 * NIGHT_BYTES), len(self.content)
        )
        return put(self.folder, self.path, self.content[: self.length])

    def finish(self) -> dict[str, object]:
        """Import what is there, and compare it with a file that is imported once and whole."""
        self.length = len(self.content)
        file_id = put(self.folder, self.path, self.content)
        forked(lambda: imported(file_id))
        forked(lambda: compare(file_id, self.content))
        return {"rows": CyclingTest.objects.get(file=file_id).row_count}


def put(folder: Folder, path: Path, content: bytes) -> int:
    path.write_bytes(content)
    os.utime(path, (1.6e9, 1.6e9 + len(content)))
    file = scanned(folder, path)
    FileMetadata.objects.update_or_create(
        file=file, defaults={"experiment": "cycling", "cell_id": 10001, "is_valid": True}
    )
    return file.pk


def imported(file_id: int) -> None:
    outcome = importing.import_file(RawFile.objects.select_related("folder").get(pk=file_id))
    assert outcome.status in {"imported", "partial"}, outcome


def compare(file_id: int, content: bytes) -> None:
    """Everything is told once, as one clean import tells it, and nothing else is stored."""
    path = settings.DATA_DIR / "whole" / NAME
    path.parent.mkdir()
    whole = put(Folder.objects.create(name="whole", path=str(path.parent)), path, content)
    imported(whole)
    ours, clean = (CyclingTest.objects.get(file=pk) for pk in (file_id, whole))
    assert_same(told(ours), told(clean))
    upkeep.SETTLED_AFTER = timedelta(0)
    upkeep.remove_orphans()
    left = set(upkeep._names(storage("series"), "cycling"))
    kept = {name for test in (ours, clean) for name, _ in test.stored_files()}
    assert left == kept, left ^ kept
    assert upkeep.mark_damaged() == 0


def check() -> None:
    """Whatever a kill left: rows in SQL that are those of the series they point to."""
    for test in CyclingTest.objects.exclude(series_name=""):
        series = read_stored(test)
        assert series.height == test.row_count
        rows = summarise(series)
        halves = test.half_cycles.order_by("ordinal")
        assert list(halves.values_list("ordinal", "first_row", "last_row", "capacity_ah")) == (
            rows.select("ordinal", "first_row", "last_row", "capacity_ah").rows()
        )


def fork(work: Callable[[], None]) -> int:
    """Start ``work`` in a child with connections of its own; its process id."""
    connections.close_all()
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001 - a fork must never return
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def forked(work: Callable[[], None]) -> None:
    _, status = os.waitpid(fork(work), 0)
    if status:
        sys.exit(1)


def kills(lab: Lab, number: int) -> dict[str, object]:
    """Kill imports at any moment, first of all the first one; check what each kill leaves."""
    file_id = lab.grow()
    began = time.monotonic()
    forked(lambda: importing.formats.read(lab.path) and None)
    typical = time.monotonic() - began
    killed = whole = 0
    while killed < number:
        child = fork(partial(imported, file_id))
        time.sleep(lab.chance.uniform(0, 1.6) * typical)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed += 1
            forked(check)
        else:
            # Later imports are quicker, as less is read: the moments follow them.
            typical *= 0.8
            whole += 1
        typical = max(typical, 0.02) * (1.15 if os.WIFSIGNALED(status) else 1.0)
        if lab.chance.random() < 0.5:
            file_id = lab.grow()
    return {"killed": killed, "ended": whole, **lab.finish()}


def twins(lab: Lab, number: int) -> dict[str, object]:
    """Two processes import the same file at the same time, night after night."""
    for _ in range(number):
        file_id = lab.grow()
        children = [fork(partial(imported, file_id)) for _ in range(2)]
        assert all(os.waitpid(child, 0)[1] == 0 for child in children)
        forked(check)
    return {"nights": number, **lab.finish()}


def twice(lab: Lab, number: int) -> dict[str, object]:
    """One job is delivered to two workers at the same time, night after night."""
    ran = 0
    for _ in range(number):
        params = {"file_ids": [lab.grow()]}
        job = engine.enqueue("cycling.import_files", params, trigger=Job.Trigger.COMMAND)
        children = [fork(partial(deliver, job)) for _ in range(2)]
        ran += sum(os.WEXITSTATUS(os.waitpid(child, 0)[1]) - 10 for child in children)
        forked(check)
    return {"nights": number, "ran": ran, **lab.finish()}


def deliver(job: Job) -> None:
    os._exit(10 + engine.run_job(job.pk))


def main() -> None:
    scenario, number, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    call_command("migrate", interactive=False, verbosity=0)

    def write() -> None:
        content = WRITERS["table.bdf.csv"](growing_series(CYCLES + number, seed)).encode()
        (settings.DATA_DIR / "content").write_bytes(content)

    forked(write)
    run = {"kills": kills, "twins": twins, "twice": twice}[scenario]
    sys.stdout.write(json.dumps(run(Lab(number, seed), number)) + "\n")


if __name__ == "__main__":
    main()
