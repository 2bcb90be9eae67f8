"""Scanning folders and reading file names: what the night and the workers do to files.

Everything is safe to stop and to repeat: each batch is one transaction, and a row that
was seen but not yet read stays ``growing`` until the next scan reads it.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from battery_db.lib.errors import LabError
from cells.disk import Disk, open_disk
from cells.experiments import Grammar
from cells.filenames import GRAMMAR_VERSION
from cells.jobs.moves import follow_moves
from cells.models import FileMetadata, Folder, NameRule, RawFile
from cells.scanning import (
    PATIENCE,
    Difference,
    Entry,
    FileChanged,
    FolderUnavailable,
    IdSet,
    Known,
    Obstacle,
    describe,
    diff,
    is_below,
    walk,
)

Report = Callable[[int, int, str], None]
Atomic = Callable[[], AbstractContextManager[Any]]
Row = TypeVar("Row")

WALK_BATCH = 1000
READ_BATCH_FILES = 100
READ_BATCH_BYTES = 1024**3
# A share that is not mounted often shows as an empty folder.
SUSPICIOUS_LOSS = 20
PATH_LENGTH = RawFile._meta.get_field("path").max_length or 0
NAME_LENGTH = RawFile._meta.get_field("name").max_length or 0
COUNTS = (
    "files", "new", "changed", "growing", "missing", "moved", "returned", "unreadable", "duplicates",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEEN_FIELDS = ["size", "modified_at", "mtime_ns", "sha256", "state", "error", "changed_at"]


def silent(done: int, total: int, text: str = "") -> None:
    """A report that nobody reads."""


def scan_folders(
    folder_ids: Sequence[int] | None = None,
    report: Report = silent,
    atomic: Atomic = transaction.atomic,
) -> dict[str, Any]:
    """Scan the given folders, or all active ones; one that fails does not stop the others."""
    folders = Folder.objects.filter(is_active=True).order_by("name")
    if folder_ids is not None:
        folders = Folder.objects.filter(pk__in=folder_ids).order_by("name")
    totals: Counter[str] = Counter()
    errors: list[dict[str, str]] = []
    for folder in folders:
        try:
            result = scan_folder(folder.pk, report, atomic)
        except LabError as error:
            errors.append({"folder": folder.name, "error": error.message, "fix": error.fix})
        else:
            errors += result.pop("errors")
            totals.update(result)
    return {"folders": len(folders), **{name: totals[name] for name in COUNTS}, "errors": errors}


def scan_folder(
    folder_id: int, report: Report = silent, atomic: Atomic = transaction.atomic
) -> dict[str, Any]:
    """Bring the rows of one folder up to date with the disk.

    1. Walk: rows for what is new, changed or back. 2. Read the content of what has
    settled. 3. Mark what is gone. 4. Follow what was moved. 5. Mark what is there twice.

    FolderUnavailable, also written to ``Folder.error``, when the root can not be
    listed; then no file of it counts as missing.
    """
    folder = Folder.objects.get(pk=folder_id)
    try:
        scan = _Scan(folder, report, atomic)
        scan.run()
    except FolderUnavailable as error:
        Folder.objects.filter(pk=folder_id).update(error=str(error))
        raise
    errors = [
        {"folder": folder.name, "error": f"{o.path or 'The folder'}: {o.reason}.", "fix": _OBSTACLE}
        for o in scan.obstacles
    ]
    Folder.objects.filter(pk=folder_id).update(
        scanned_at=timezone.now(), error=_summarise(scan.obstacles)
    )
    return {**{name: scan.counts[name] for name in COUNTS}, "errors": errors[:100]}


_OBSTACLE = "Files below it are kept as they were. Give the server the right to read it."


def _summarise(obstacles: Sequence[Obstacle]) -> str:
    if not obstacles:
        return ""
    shown = "; ".join(f"{o.path or 'the folder itself'} ({o.reason})" for o in obstacles[:5])
    return f"{len(obstacles)} places below this folder could not be read: {shown}. {_OBSTACLE}"


class _Scan:
    """The state of one scan of one folder: ids and counts, never rows."""

    def __init__(self, folder: Folder, report: Report, atomic: Atomic) -> None:
        self.folder = folder
        self.report = report
        self.atomic = atomic
        self.counts: Counter[str] = Counter()
        self.obstacles: list[Obstacle] = []
        self.seen = IdSet()
        self.new = IdSet()
        self.to_read = array("q")
        self.silent = 0  # files of which nothing came
        self.wanted = folder.wanted()

    def run(self) -> None:
        with open_disk(self.folder.path, settings.FILE_SCAN_TIMEOUT_SECONDS) as disk:
            for batch in _batches(walk(disk.list, self.wanted), WALK_BATCH):
                self._take_in([self._storable(item) for item in batch])
                self.report(self.counts["files"], 0, f"{self.counts['files']} files seen")
            self._refuse_empty_mount()
            self._read_contents(disk)
        self._follow_moves(self._mark_missing())
        with self.atomic():
            self.counts["duplicates"] = RawFile.objects.mark_duplicates()

    def _storable(self, item: Entry | Obstacle) -> Entry | Obstacle:
        if isinstance(item, Entry) and len(item.path) > PATH_LENGTH:
            return Obstacle(f"{item.path[:60]}…", f"its path is longer than {PATH_LENGTH}")
        return item

    def _take_in(self, batch: Sequence[Entry | Obstacle]) -> None:
        self.obstacles += [item for item in batch if isinstance(item, Obstacle)]
        entries = [item for item in batch if isinstance(item, Entry)]
        known = self._known(entries)
        now = timezone.now()
        settle = self.folder.settling_time()
        difference = diff(known, entries, int(now.timestamp() * 1e9), settle)
        ids = {path: row.id for path, row in known.items()}
        with self.atomic():
            ids |= self._write(difference, now)
        self.seen.update(ids.values())
        self.new.update(ids[entry.path] for entry in difference.new)
        self.to_read.extend(ids[path] for path in difference.to_read)
        self.counts["files"] += len(entries)
        for name in ("new", "changed", "returned"):
            self.counts[name] += len(getattr(difference, name))
        self.counts["growing"] += difference.growing

    def _known(self, entries: Sequence[Entry]) -> dict[str, Known]:
        rows = self.folder.files.filter(path__in=[entry.path for entry in entries]).values_list(
            "path", "pk", "size", "mtime_ns", "state", "sha256", "changed_at"
        )
        return {
            path: Known(pk, size, mtime_ns, state, bool(sha256), int(changed.timestamp() * 1e9))
            for path, pk, size, mtime_ns, state, sha256, changed in rows
        }

    def _write(self, difference: Difference, now: datetime) -> dict[str, int]:
        back = [known.id for known, entry in difference.returned if _is_intact(known, entry)]
        if back:
            RawFile.objects.filter(pk__in=back).update(
                state=RawFile.State.STABLE, error="", changed_at=now
            )
        fresh = [*difference.new, *(entry for _, entry in difference.changed)]
        fresh += [entry for known, entry in difference.returned if not _is_intact(known, entry)]
        rows = [self._row(entry, now) for entry in fresh]
        if rows:
            # One statement for new and changed rows, which a scan beside this one can not upset.
            RawFile.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["folder", "path"],
                update_fields=_SEEN_FIELDS,
            )
        return {row.path: row.pk for row in rows}

    def _row(self, entry: Entry, now: datetime) -> RawFile:
        return RawFile(
            folder=self.folder,
            path=entry.path,
            name=_shorten(entry.name, NAME_LENGTH),
            size=entry.size,
            mtime_ns=entry.mtime_ns,
            modified_at=_as_time(entry.mtime_ns),
            state=RawFile.State.GROWING,
            changed_at=now,
        )

    def _refuse_empty_mount(self) -> None:
        if self.counts["files"] or self.obstacles:
            return
        known = self.folder.files.present().count()
        if known >= SUSPICIOUS_LOSS:
            raise FolderUnavailable(
                f"The folder {self.folder.path} is empty, though {known} files were known in it.",
                fix="Mount the share again. If the files were removed on purpose, switch the "
                "folder off.",
            )

    def _read_contents(self, disk: Disk) -> None:
        done = 0
        for ids in _batches(self.to_read, READ_BATCH_FILES):
            rows = self.folder.files.filter(pk__in=ids).order_by("pk")
            for part in _by_bytes(rows):
                changed = [row for row in part if self._read(row, disk)]
                with self.atomic():
                    _save_contents(changed)
                done += len(part)
                self.report(done, len(self.to_read), f"{done} of {len(self.to_read)} files read")

    def _read(self, row: RawFile, disk: Disk) -> bool:
        """Fill in the content's hash; False when nothing was learned."""
        before = (row.state, row.error)
        try:
            row.sha256 = disk.hash(row.path, row.size, row.mtime_ns)
            row.state, row.error = RawFile.State.STABLE, ""
        except FileChanged:
            row.state = RawFile.State.GROWING
            self.counts["growing"] += 1
        except FileNotFoundError:
            row.state = RawFile.State.MISSING
            self.counts["missing"] += 1
        except OSError as error:
            self._count_silence(error)
            row.state = RawFile.State.UNREADABLE
            row.error = f"The server could not read it: {describe(error)}."
            self.counts["unreadable"] += 1
        return bool(row.sha256) or (row.state, row.error) != before

    def _count_silence(self, error: OSError) -> None:
        self.silent += isinstance(error, TimeoutError)
        if self.silent >= PATIENCE:
            raise FolderUnavailable(
                f"{self.silent} files in {self.folder.path} could not be read: {describe(error)}.",
                fix="Check the share and the network; the next scan tries again.",
            ) from error

    def _mark_missing(self) -> list[int]:
        """Rows whose file was not met and could have been; returns their ids."""
        present = self.folder.files.present()
        if present.count() <= len(self.seen):
            return []
        unseen = [folder.path for folder in self.obstacles]
        gone = [
            pk
            for pk, path in present.values_list("pk", "path").iterator()
            if pk not in self.seen
            and not ("" in unseen or is_below(path, unseen))
            and self.wanted.file(path)
        ]
        for ids in _batches(gone, WALK_BATCH):
            with self.atomic():
                self.counts["missing"] += RawFile.objects.filter(pk__in=ids).update(
                    state=RawFile.State.MISSING, changed_at=timezone.now()
                )
        return gone

    def _follow_moves(self, gone: Sequence[int]) -> None:
        with self.atomic():
            moved = follow_moves(self.new, gone, self.folder.scanned_at)
        lost = set(gone)
        self.counts["moved"] = len(moved)
        self.counts["new"] -= sum(place in self.new for _, place in moved)
        self.counts["missing"] -= sum(row in lost for row, _ in moved)


def identify_files(report: Report = silent, atomic: Atomic = transaction.atomic) -> dict[str, Any]:
    """Read the names of new files, and again those that an older grammar has read."""
    counts: Counter[str] = Counter()
    by_experiment: Counter[str] = Counter()
    waiting = RawFile.objects.filter(
        Q(metadata__isnull=True) | Q(metadata__grammar_version__lt=GRAMMAR_VERSION)
    )
    total = waiting.count()
    grammar = NameRule.objects.grammar()
    while understood := _identify_some(waiting, grammar, atomic):
        for metadata in understood:
            counts["identified" if metadata.is_valid else "invalid"] += 1
            by_experiment[metadata.experiment or "unknown"] += 1
        report(counts.total(), max(total, counts.total()), f"{counts.total()} names read")
    return {
        "identified": counts["identified"],
        "invalid": counts["invalid"],
        "by_experiment": dict(sorted(by_experiment.items())),
    }


def _identify_some(
    waiting: QuerySet[RawFile], grammar: Grammar, atomic: Atomic
) -> list[FileMetadata]:
    """The next batch; locked, so that a correction made meanwhile is not overwritten."""
    with atomic():
        rows = waiting.select_for_update(of=("self",)).select_related("folder", "metadata")
        understood = [_understand(row, grammar) for row in rows.order_by("pk")[:WALK_BATCH]]
        _save_metadata(understood)
    return understood


def _understand(row: RawFile, grammar: Grammar) -> FileMetadata:
    metadata = getattr(row, "metadata", None) or FileMetadata(file=row)
    metadata.understand(row.parse_name(grammar), grammar)
    return metadata


def _save_metadata(rows: Iterable[FileMetadata]) -> None:
    new = [row for row in rows if row.pk is None]
    old = [row for row in rows if row.pk is not None]
    FileMetadata.objects.bulk_create(new, ignore_conflicts=True)
    if old:
        names = [f.name for f in FileMetadata._meta.fields if f.name not in ("id", "file")]
        FileMetadata.objects.bulk_update(old, [n for n in names if n != "manual_fields"])


def _save_contents(rows: Sequence[RawFile]) -> None:
    """Write what reading has told. Nearly all are settled; those need one column of their own."""
    settled = [row for row in rows if row.state == RawFile.State.STABLE]
    others = [row for row in rows if row.state != RawFile.State.STABLE]
    RawFile.objects.bulk_update(settled, ["sha256"])
    RawFile.objects.filter(pk__in=[row.pk for row in settled]).update(
        state=RawFile.State.STABLE, error=""
    )
    RawFile.objects.bulk_update(others, ["sha256", "state", "error"])


def _is_intact(known: Known, entry: Entry) -> bool:
    same = (known.size, known.mtime_ns) == (entry.size, entry.mtime_ns)
    return same and known.has_content


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _as_time(mtime_ns: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=mtime_ns // 1000)
    except OverflowError:
        return _EPOCH


def _batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def _by_bytes(rows: Iterable[RawFile]) -> Iterator[list[RawFile]]:
    """Parts that take about as long to read, so that little is lost when a worker dies."""
    part: list[RawFile] = []
    for row in rows:
        part.append(row)
        if sum(one.size for one in part) >= READ_BATCH_BYTES:
            yield part
            part = []
    if part:
        yield part
