"""One search per kind of potential problem: what is there now that a person should see."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

from django.conf import settings
from django.db.models import Exists, F, Max, OuterRef, QuerySet
from django.db.models.functions import Abs
from django.urls import reverse
from django.utils import timezone

from cells.models import DatasetCell, Electrolyte, FileMetadata, RawFile, WetCell
from cells.services import problems as registry
from cycling.anomalies import jumps_of
from cycling.models import CyclingTest, HalfCycle
from cycling.problems import Found, unit_suspect

KINDS = FileMetadata.Experiment
CYCLED = (KINDS.CYCLING, KINDS.FORMATION, KINDS.RPT)
STALE_AFTER = timedelta(days=7)
LOW_SPACE_SHARE = 0.05
CLOCK_CODES = ("clock_fell", "clock_skipped_hour")
COUNTER_CODES = tuple(
    f"{what}_{how}" for what in ("capacity", "energy") for how in ("mismatch", "undersampled")
)
Search = Callable[[], Iterator[Found]]


def _file(pk: int) -> str:
    return reverse("cells:file", args=[pk])


def _cell(cell_id: int) -> str:
    return reverse("cells:cell", args=[cell_id])


def storage() -> Iterator[Found]:
    for folder in registry.troubled_folders():
        yield Found(
            f"folder {folder.pk}",
            f"The folder {folder.name} could not be scanned: {folder.error}",
            "Check that it is mounted and may be read; the next night tries again.",
            reverse("cells:folders"),
        )
    disk = shutil.disk_usage(settings.DATA_DIR)
    if disk.free < LOW_SPACE_SHARE * disk.total:
        yield Found(
            "disk",
            f"The disk with battery_db's data has {disk.free / 1e9:.1f} GB of {disk.total / 1e9:.0f} GB left.",
            "Free space there, or move the data to a larger disk.",
            reverse("last-night"),
        )


def _tests() -> QuerySet[CyclingTest]:
    return CyclingTest.objects.filter(
        file__deprecated=False, file__duplicate_of=None
    ).select_related("file", "file__metadata")


def failed_import() -> Iterator[Found]:
    for test in _tests().exclude(status=CyclingTest.Status.IMPORTED).iterator(chunk_size=500):
        lacking = " ".join(finding["text"] for finding in test.findings)
        yield Found(
            f"file {test.file_id}",
            f"{test.file.name}: {test.error or lacking or 'read in part only.'}",
            test.fix or "Export the file again, or deprecate it if it has no use.",
            _file(test.file_id),
        )


def finding() -> Iterator[Found]:
    yield from _findings(wanted=lambda code: code not in (*CLOCK_CODES, *COUNTER_CODES))


def counter() -> Iterator[Found]:
    yield from _findings(wanted=lambda code: code in COUNTER_CODES)


def clock() -> Iterator[Found]:
    yield from _findings(wanted=lambda code: code in CLOCK_CODES)


def _findings(wanted: Callable[[str], bool]) -> Iterator[Found]:
    tests = _tests().filter(status=CyclingTest.Status.IMPORTED).exclude(findings=[])
    for test in tests.iterator(chunk_size=500):
        for each in test.findings:
            if wanted(each["code"]):
                yield Found(
                    f"file {test.file_id} {each['code']}",
                    f"{test.file.name}: {each['text']}",
                    "Look at the data; dismiss this when it is right as it is.",
                    reverse("cycling:test", args=[test.pk]),
                )


def units() -> Iterator[Found]:
    rows = (
        HalfCycle.objects.in_use()
        .values("test", "test__file__name", "test__file__metadata__cell_id")
        .annotate(capacity=Max("capacity_ah"), volt=Max("end_voltage_volt"))
        .order_by("test")
    )
    nominal = dict(
        WetCell.objects.exclude(dry_cell__nominal_capacity_ah=None).values_list(
            "cell_id", "dry_cell__nominal_capacity_ah"
        )
    )
    for row in rows.iterator(chunk_size=2000):
        cell_id = row["test__file__metadata__cell_id"]
        reference = nominal.get(int(cell_id or 0))
        words = unit_suspect(row["capacity"], float(reference) if reference else None, row["volt"])
        if words:
            yield Found(
                f"test {row['test']}",
                f"{row['test__file__name']} of cell {cell_id}: {words}.",
                "Compare with the cycler; correct the nominal capacity of the design, or export the file again with units in its header.",
                reverse("cycling:test", args=[row["test"]]),
            )


def stale_test() -> Iterator[Found]:
    running = HalfCycle.objects.filter(test=OuterRef("pk"), is_complete=False)
    later = CyclingTest.objects.filter(
        file__metadata__cell_id=OuterRef("file__metadata__cell_id"),
        started_at__gt=OuterRef("started_at"),
    )
    tests = _tests().filter(
        Exists(running),
        ~Exists(later),
        file__modified_at__lt=timezone.now() - STALE_AFTER,
        file__metadata__is_valid=True,
    )
    for test in tests.iterator(chunk_size=500):
        yield Found(
            f"file {test.file_id}",
            f"{test.file.name} ends within a cycle and has not grown since {test.file.modified_at:%Y-%m-%d}.",
            "Look whether the channel still runs; dismiss this when the test has ended so.",
            _file(test.file_id),
        )


def overlap() -> Iterator[Found]:
    for file in registry.duplicate_files().iterator(chunk_size=500):
        yield Found(
            f"file {file.pk}",
            f"{file.name} holds the same as {file.duplicate_of}.",
            "Deprecate one of them; the earlier one is used meanwhile.",
            _file(file.pk),
        )
    spans = (
        _tests()
        .filter(file__metadata__is_valid=True)
        .exclude(first_cycle=None)
        .annotate(start=F("file__metadata__start_cycle"), cell=F("file__metadata__cell_id"))
        .order_by("cell", "start", "pk")
    )
    before: CyclingTest | None = None
    for test in spans.iterator(chunk_size=500):
        if before is not None and before.cell == test.cell:  # type: ignore[attr-defined]
            yield from _overlapping(before, test)
        before = test


def _overlapping(before: CyclingTest, test: CyclingTest) -> Iterator[Found]:
    end = (before.file.metadata.start_cycle or 0) + (before.last_cycle or 0)
    begin = (test.file.metadata.start_cycle or 0) + (test.first_cycle or 0)
    if begin <= end - 1:  # the last cycle of a file may be finished in the next one
        yield Found(
            f"tests {before.pk} {test.pk}",
            f"Cell {test.file.metadata.cell_id}: {before.file.name} and {test.file.name} both have cycles {begin} to {end}.",
            "Correct the start cycle of one of them, or deprecate the file that repeats the other.",
            _file(test.file_id),
        )


def jump() -> Iterator[Found]:
    for cell_id, frame in HalfCycle.objects.in_use().filter(excluded=False).frames_by_cell():
        for each in jumps_of(frame):
            yield Found(
                f"cell {cell_id} {each.polarity} {each.cycle}",
                f"Cell {cell_id}: the {each.polarity} capacity goes from {each.before_ah:.4g} to {each.after_ah:.4g} Ah at about cycle {each.cycle} and stays there.",
                "Look for a repair, another channel or a wrong file; leave the cycles out if they are no cell's.",
                reverse("cycling:fix-cycles", args=[cell_id]),
            )


def anomaly() -> Iterator[Found]:
    rows = HalfCycle.objects.in_use().standing_out().with_cycle()
    cell = "test__file__metadata__cell_id"
    rows = rows.order_by(cell, Abs(F("anomaly_sigmas")).desc(), "pk")
    values = rows.values_list(cell, "cycle", "polarity", "anomaly")
    for cell_id, own in groupby(values.iterator(chunk_size=2000), key=itemgetter(0)):
        (_, cycle, polarity, words), *others = own
        yield Found(
            f"cell {cell_id} {len(others) + 1}",
            f"Cell {cell_id}: {len(others) + 1} half-cycles stand out in their group, most of all the {polarity} of cycle {cycle} ({words}).",
            "Look at them; leave out what is no property of the cell.",
            reverse("cycling:fix-cycles", args=[cell_id]),
        )


def no_data() -> Iterator[Found]:
    halves = HalfCycle.objects.in_use().filter(
        test__file__metadata__cell_id=OuterRef("wet_cell__cell_id")
    )
    members = DatasetCell.objects.filter(~Exists(halves)).select_related("dataset", "wet_cell")
    for member in members.iterator(chunk_size=500):
        yield Found(
            f"member {member.pk}",
            f"Cell {member.wet_cell.cell_id} of the dataset {member.dataset} has no cycles.",
            "See what is missing, or take the cell out of the dataset.",
            f"{reverse('cycling:troubleshoot')}?q={member.wet_cell.cell_id}",
        )


def no_start_cycle() -> Iterator[Found]:
    rows = FileMetadata.objects.filter(
        experiment__in=CYCLED,
        own_kind="",  # what a kind of the lab's own needs, its rule says
        start_cycle=None,
        file__deprecated=False,
        file__duplicate_of=None,
    ).exclude(experiment=KINDS.FORMATION)
    for row in rows.exclude(file__state=RawFile.State.MISSING).select_related("file"):
        yield Found(
            f"file {row.file_id}",
            f"{row.file.name} does not say how many cycles the cell had done before.",
            "Set the start cycle on the file's page: 0 for a fresh cell.",
            _file(row.file_id),
        )


def unregistered() -> Iterator[Found]:
    for row in registry.unregistered_cells():
        yield Found(
            f"cell {row['cell_id']}",
            f"{row['file_count']} files speak of cell {row['cell_id']}, which nobody has registered.",
            "Register the cell, or correct the Cell ID of these files.",
            f"{reverse('cells:cell-new')}?cell_id={row['cell_id']}",
        )


def notes_only() -> Iterator[Found]:
    rows = Electrolyte.objects.filter(components=None, proprietary=False).exclude(notes="")
    for row in rows.iterator(chunk_size=500):
        yield Found(
            f"electrolyte {row.pk}",
            f"The electrolyte {row} has its composition in its notes only, so no search for molecules finds it.",
            "Enter its molecules and amounts, or mark it as proprietary.",
            row.get_absolute_url(),
        )


SEARCHES: Mapping[str, Search] = {
    "storage": storage,
    "failed_import": failed_import,
    "units": units,
    "clock": clock,
    "counter": counter,
    "finding": finding,
    "stale_test": stale_test,
    "overlap": overlap,
    "jump": jump,
    "anomaly": anomaly,
    "no_data": no_data,
    "no_start_cycle": no_start_cycle,
    "unregistered": unregistered,
    "notes_only": notes_only,
}
