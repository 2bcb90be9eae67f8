"""What became of each file: one row per file, kept with the night that found it.

A night's table lists every file that came, changed or was read that night, and every
file that is not imported, whenever it came, with why. It is written when the night ends,
so that an old night still says what it said; what was imported before and has not
changed since is only counted.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast, overload

import polars as pl
from django.core.files import File
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from battery_db.lib.errors import LabError
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import local_or_open, storage
from cells.models import FileMetadata, RawFile
from eis.models import ImpedanceSpectrum

FOLDER = "nights"
BATCH = 2000
# Outcome -> how it is called, in the order in which a person wants to see them.
OUTCOMES: Mapping[str, str] = {
    "failed": "reader failed",
    "refused": "refused",
    "unreadable": "may not be opened",
    "partial": "imported in part",
    "unnamed": "name not understood",
    "waiting": "waits",
    "unread": "kept, not read",
    "copy": "copy of another file",
    "missing": "gone from its folder",
    "deprecated": "deprecated",
    "imported": "imported",
}
TONES: Mapping[str, str] = {
    "failed": "bg-red-lt",
    "refused": "bg-red-lt",
    "unreadable": "bg-red-lt",
    "partial": "bg-yellow-lt",
    "unnamed": "bg-yellow-lt",
    "imported": "bg-green-lt",
}
# How importing words an exception that no reader foresaw.
UNFORESEEN = "The reader failed:"
SCHEMA: Mapping[str, pl.DataType] = {
    "file_id": pl.Int64(),
    "folder": pl.String(),
    "path": pl.String(),
    "outcome": pl.String(),
    "why": pl.String(),
    "fix": pl.String(),
    "experiment": pl.String(),
    "cell_id": pl.Int64(),
    "format": pl.String(),
    "records": pl.Int64(),
    "is_new": pl.Boolean(),
}
KINDS = FileMetadata.Experiment
# What a technique makes of a file -> the experiments it reads.
READ_BY: Mapping[str, tuple[str, ...]] = {
    "cycling_test": (KINDS.CYCLING, KINDS.FORMATION, KINDS.RPT),
    "impedance_file": (KINDS.IMPEDANCE, KINDS.SYMMETRIC),
    "infrared_spectrum": (KINDS.FTIR,),
}
COUNTED: Mapping[str, str] = {
    "cycling_test": "cycling_test__row_count",
    "impedance_file": "spectra",
    "infrared_spectrum": "infrared_spectrum__point_count",
}
COUNTED_WORDS = {KINDS.IMPEDANCE: "spectra", KINDS.SYMMETRIC: "spectra", KINDS.FTIR: "points"}
READ = {experiment for experiments in READ_BY.values() for experiment in experiments}
COMPLETE = (
    "Complete the metadata on the file's page or of many files in the grid, or rename the "
    "file; the next night then reads it."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows of a night's table are wanted."""

    words: str = ""
    outcome: str = ""
    folder: str = ""
    only_new: bool = False


class NightFiles(Sequence[dict[str, Any]]):
    """The rows of one night's table that were asked for, read page by page."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __len__(self) -> int:
        return self.frame.height

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(_worded, self.frame.iter_rows(named=True))

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, int):
            return _worded(self.frame.row(place, named=True))
        return [_worded(row) for row in self.frame[place].iter_rows(named=True)]

    def table(self) -> Iterator[tuple[object, ...]]:
        """A header and all rows, for CSV."""
        yield tuple(SCHEMA)
        yield from self.frame.iter_rows()


def keep(job_id: Any, began: datetime) -> dict[str, Any]:
    """Write the table of a night that began at ``began``; its name and its counts."""
    rows = [_outcome(row, began) for row in _found(began)]
    frame = pl.DataFrame(rows, schema=dict(SCHEMA), orient="row")
    rank = pl.col("outcome").replace_strict(
        {name: place for place, name in enumerate(OUTCOMES)}, return_dtype=pl.Int64
    )
    frame = frame.sort(rank, "folder", "path")
    name = f"{FOLDER}/{job_id}.parquet"
    with tempfile.TemporaryFile() as draft:
        frame.write_parquet(draft, compression="zstd")
        draft.seek(0)
        storage("default").save(name, File(draft))
    _forget_old()
    return {"name": name, "unchanged": RawFile.objects.count() - frame.height, **_counts(frame)}


def read(job: Job, asked: Asked = Asked()) -> NightFiles:
    """Rows of the table that ``job`` left; LabError when it left none."""
    name = job.result.get("files", {}).get("name")
    if not name or not storage("default").exists(name):
        raise LabError(
            "This night left no list of files: it was cut short, or its list was removed.",
            fix="Look at a later night, or start one now.",
        )
    with local_or_open("default", name) as source:
        frame = pl.read_parquet(source)
    return NightFiles(frame.filter(*_conditions(asked)))


def _conditions(asked: Asked) -> Iterator[pl.Expr]:
    for word in asked.words.lower().split():
        texts = ("path", "why", "format")
        yield pl.any_horizontal(
            pl.col(text).str.to_lowercase().str.contains(word, literal=True) for text in texts
        )
    if asked.outcome:
        yield pl.col("outcome") == asked.outcome
    if asked.folder:
        yield pl.col("folder") == asked.folder
    if asked.only_new:
        yield pl.col("is_new")


def _counts(frame: pl.DataFrame) -> dict[str, Any]:
    """How many of each outcome, of all rows and of those that are new."""
    return {
        key: dict(part.group_by("outcome").len().rows())
        for key, part in (("all", frame), ("new", frame.filter("is_new")))
    }


def _worded(row: dict[str, Any]) -> dict[str, Any]:
    outcome = row["outcome"]
    return row | {
        "title": OUTCOMES.get(outcome, outcome),
        "tone": TONES.get(outcome, "bg-secondary-lt"),
        "counted": COUNTED_WORDS.get(row["experiment"], "records"),
    }


def _found(began: datetime) -> Iterator[dict[str, Any]]:
    """Files of the night and files that are not imported, with all that is known of them."""
    new = Q(changed_at__gte=began)
    imported = Q()
    names = [
        "pk", "folder__name", "path", "state", "error", "changed_at", "sha256", "deprecated",
        "deprecated_reason", "duplicate_of__path", "metadata__experiment", "metadata__cell_id",
        "metadata__is_valid", "metadata__problems", "cycling_test__findings",
        "impedance_file__findings", "impedance_file__refused", "infrared_spectrum__notices",
        *COUNTED.values(),
    ]  # fmt: skip
    for relation in READ_BY:
        new |= Q(**{f"{relation}__imported_at__gte": began})
        imported |= Q(**{f"{relation}__status": "imported"})
        told = ("status", "error", "fix", "sha256", "format_name", "imported_at")
        names += [f"{relation}__{name}" for name in told]
    spectra = ImpedanceSpectrum.objects.filter(source=OuterRef("impedance_file")).order_by()
    counted = Subquery(spectra.values("source").annotate(n=Count("pk")).values("n"))
    rows: QuerySet[RawFile, Any] = RawFile.objects.filter(new | ~imported)
    rows = rows.annotate(spectra=counted).order_by("pk").values(*names)
    yield from rows.iterator(chunk_size=BATCH)


def _outcome(row: dict[str, Any], began: datetime) -> tuple[object, ...]:
    relation = _reader_of(row)
    outcome, why, fix = _of_file(row) or (_of_content(row, relation) if relation else _unread(row))
    read_at = row[f"{relation}__imported_at"] if relation else None
    return (
        row["pk"],
        row["folder__name"],
        row["path"],
        outcome,
        why,
        fix,
        row["metadata__experiment"] or "",
        row["metadata__cell_id"],
        row[f"{relation}__format_name"] if relation else "",
        (row[COUNTED[relation]] or None) if relation else None,
        row["changed_at"] >= began or (read_at is not None and read_at >= began),
    )


def _reader_of(row: Mapping[str, Any]) -> str:
    """The relation that has read the content as it is now, or ""."""
    experiment = row["metadata__experiment"]
    mine = [name for name, experiments in READ_BY.items() if experiment in experiments]
    for relation in [*mine, *READ_BY]:
        if row[f"{relation}__status"] and row[f"{relation}__sha256"] == row["sha256"]:
            return relation
    return ""


def _of_file(row: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What the file itself is in the way of; None when its content may be read."""
    state = row["state"]
    if row["deprecated"]:
        return "deprecated", row["deprecated_reason"], ""
    if state == RawFile.State.MISSING:
        return "missing", "The file is no longer there; what was read of it is kept.", ""
    if state == RawFile.State.UNREADABLE:
        return "unreadable", row["error"], "Give the server the right to read it."
    if state == RawFile.State.GROWING:
        return "waiting", "It changed a moment ago and may still be written to.", ""
    if row["duplicate_of__path"]:
        return "copy", f"Same content as {row['duplicate_of__path']}, which is used.", ""
    return None


def _of_content(row: Mapping[str, Any], relation: str) -> tuple[str, str, str]:
    """What its reader has made of it; see ``READ_BY``."""
    status, error, fix = (row[f"{relation}__{name}"] for name in ("status", "error", "fix"))
    if status == "failed":
        return ("failed" if error.startswith(UNFORESEEN) else "refused"), error, fix
    found = row.get(f"{relation}__findings") or row.get(f"{relation}__notices") or ()
    told = [each["text"] for each in found]
    told += [f"{name}: {why}" for name, why in row.get(f"{relation}__refused") or ()]
    if row["metadata__is_valid"]:
        return status, " ".join(told), ""
    return status, " ".join(["Not linked to a cell:", *_problems(row), *told]), COMPLETE


def _unread(row: Mapping[str, Any]) -> tuple[str, str, str]:
    experiment = row["metadata__experiment"]
    if not row["metadata__is_valid"]:
        return "unnamed", " ".join(["Name not understood.", *_problems(row)]), COMPLETE
    if experiment not in READ:
        title = FileMetadata.Experiment(experiment).label
        return "unread", f"Files of {title} are kept and found, but no reader takes them.", ""
    return "waiting", "It changed while the night was running, or came after its turn.", ""


def _problems(row: Mapping[str, Any]) -> Iterable[str]:
    return cast(Iterable[str], row["metadata__problems"] or ("It was not read yet.",))


def _forget_old() -> None:
    """Remove the tables of nights that are no more."""
    _, names = storage("default").listdir(FOLDER)
    known = {str(pk) for pk in Job.objects.filter(parent=None).values_list("pk", flat=True)}
    for name in names:
        if name.endswith(".parquet") and name.removesuffix(".parquet") not in known:
            storage("default").delete(f"{FOLDER}/{name}")
