"""What a person does about potential problems: look, dismiss with a reason, ask what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, When
from django.urls import reverse
from django.utils import timezone

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Dataset, FileMetadata, RawFile, WetCell
from cycling.models import CycleGroup, CyclingTest, HalfCycle, Problem
from cycling.problems import KINDS

CELLS_CHECKED = 200


@dataclass(frozen=True, slots=True)
class KindCount:
    kind: str
    title: str
    open: int
    dismissed: int


def open_problems(kind: str = "", *, dismissed: bool = False) -> QuerySet[Problem]:
    rows = Problem.objects.filter(dismissed_at__isnull=not dismissed)
    rows = rows.select_related("dismissed_by")
    if kind in KINDS:
        return rows.filter(kind=kind)
    places = [When(kind=name, then=place) for place, name in enumerate(KINDS)]
    return rows.order_by(Case(*places, default=len(KINDS)), "key")


def counts() -> list[KindCount]:
    """Kinds that have any, in the order in which they are shown (one query)."""
    rows = (
        Problem.objects.order_by()
        .values("kind")
        .annotate(
            open=Count("pk", filter=Q(dismissed_at=None)),
            dismissed=Count("pk", filter=~Q(dismissed_at=None)),
        )
    )
    found = {row["kind"]: row for row in rows}
    return [
        KindCount(kind, title, found[kind]["open"], found[kind]["dismissed"])
        for kind, title in KINDS.items()
        if kind in found
    ]


def dismiss(problem_id: int, reason: str, *, by: Any = None) -> Problem:
    """Put a problem aside; it stays aside for as long as it is found."""
    if not reason.strip():
        raise NotAllowed(
            "A problem is only dismissed with a reason.", fix="Say why it is none, in some words."
        )
    return _mark(problem_id, reason.strip()[:300], by)


def restore(problem_id: int, *, by: Any = None) -> Problem:
    return _mark(problem_id, "", by)


def request_search(*, by: Any, trigger: str) -> Job:
    """Look for problems now, as a job."""
    return engine.enqueue(
        "cycling.find_problems",
        {},
        trigger=trigger,
        by=by,
        title="Look for problems",
        key="cycling.find_problems",
    )


def _mark(problem_id: int, reason: str, by: Any) -> Problem:
    row = Problem.objects.filter(pk=problem_id).first()
    if row is None:
        raise NotAllowed("This problem is gone.", fix="Reload the page.")
    row.dismissed_reason = reason
    row.dismissed_at = timezone.now() if reason else None
    row.dismissed_by = by if reason else None
    row._history_user = by  # type: ignore[attr-defined]
    row._change_reason = reason[:100]  # type: ignore[attr-defined]
    row.save()
    return row


@dataclass(frozen=True, slots=True)
class Check:
    """One question of the troubleshooter; ``fix`` and ``url`` say what to do when it is not good."""

    question: str
    good: bool
    answer: str
    fix: str = ""
    url: str = ""


def troubleshoot(text: str) -> list[tuple[str, list[Check]]]:
    """Why a cell, or the cells of a dataset, do not show what somebody expects.

    ``text`` is a Cell ID, or the name or slug of a dataset. Raises LabError for neither.
    """
    text = text.strip()
    if text.isdecimal() and len(text) <= 9:
        return [(f"Cell {text}", list(_checks(int(text))))]
    dataset = Dataset.objects.filter(Q(slug=text) | Q(name__iexact=text)).first()
    if dataset is None:
        raise LabError(
            f"{text[:60]!r} is neither a Cell ID nor a dataset.",
            fix="Write a number such as 10001, or the name of a dataset.",
        )
    halves = HalfCycle.objects.in_use().values("test__file__metadata__cell_id")
    without = dataset.memberships.exclude(wet_cell__cell_id__in=halves).values_list(
        "wet_cell__cell_id", flat=True
    )[:CELLS_CHECKED]
    found = [(f"Cell {cell_id}", list(_checks(cell_id))) for cell_id in without]
    all_have = Check("Have all its cells data?", not found, f"{len(found)} cells have none.")
    return [(f"Dataset {dataset}", [all_have]), *found]


def _checks(cell_id: int) -> Iterator[Check]:
    """From the registry to the plot, each step a question."""
    registered = WetCell.objects.filter(cell_id=cell_id).exists()
    yield Check(
        "Is the cell registered?",
        registered,
        "Yes." if registered else "No, so no search and no dataset finds it.",
        "Register the cell.",
        f"{reverse('cells:cell-new')}?cell_id={cell_id}",
    )
    files = FileMetadata.objects.filter(cell_id=cell_id)
    valid = files.filter(is_valid=True, file__deprecated=False, file__duplicate_of=None)
    number, usable = files.count(), valid.count()
    listed = f"{reverse('cells:files')}?cell_id={cell_id}"
    yield Check(
        "Do files speak of it?",
        number > 0,
        f"{number} files have this Cell ID.",
        "Check that their folder is watched and that their names have the Cell ID.",
        listed if number else reverse("cells:files"),
    )
    yield Check(
        "Are their names complete?",
        usable > 0,
        f"{usable} of {number} are valid and in use.",
        "Complete their metadata (often the start cycle is missing), or restore a deprecated one.",
        listed,
    )
    waiting = valid.filter(file__state=RawFile.State.GROWING).count()
    yield Check(
        "Have they settled?",
        not waiting,
        f"{waiting} still grow and wait.",
        "The next night takes them.",
        listed,
    )
    yield from _cycling_checks(cell_id)


def _cycling_checks(cell_id: int) -> Iterator[Check]:
    tests = CyclingTest.objects.filter(file__metadata__cell_id=cell_id, file__deprecated=False)
    imported, failed = tests.exclude(series_name="").count(), tests.filter(status="failed").count()
    listed = f"{reverse('cells:files')}?cell_id={cell_id}"
    yield Check(
        "Have they been imported?",
        imported > 0 and not failed,
        f"{imported} files are imported, {failed} could not be read.",
        "Import now from the cell's page; the file's page says why one could not be read.",
        reverse("cells:cell", args=[cell_id]) if not failed else listed,
    )
    halves = HalfCycle.objects.of_cell(cell_id)
    total, out = halves.count(), halves.filter(excluded=True).count()
    yield Check(
        "Are there charges and discharges?",
        total > out,
        f"{total} half-cycles, {out} of them left out.",
        "Look at the file's data: rests alone are no cycles. Or take cycles back in.",
        reverse("cycling:fix-cycles", args=[cell_id]),
    )
    groups = CycleGroup.objects.filter(cell=cell_id).count()
    yield Check(
        "Are they grouped?",
        groups > 0,
        f"{groups} groups.",
        "The next night groups them, or you do now from the cell's page.",
        reverse("cells:cell", args=[cell_id]),
    )
