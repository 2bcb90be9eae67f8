"""Correct or read again what many files are about at once: all of them, or none."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms.models import fields_for_model
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.experiments import FIELD_WORDS, METADATA_FIELDS, Grammar
from cells.forms.files import BOUNDS, kind_field
from cells.models import FileMetadata, NameRule, RawFile
from cells.services.files import AS_READ

MOST_FILES = 5000
# More take longer than a page may make wait, and are changed by a job.
MOST_AT_ONCE = 500
_STORED = [*METADATA_FIELDS, "own_kind", "is_valid", "problems", "manual_fields", "grammar_version"]


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one value. ``row`` counts from 1, as sent."""

    row: int
    id: int | None
    field: str
    message: str


class RowsRefused(LabError):
    """Nothing was written, because of the values named in ``errors``."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        first = errors[0]
        word = FIELD_WORDS.get(first.field, (first.field,))[0]
        super().__init__(
            f"{len(errors)} value{'s' * (len(errors) > 1)} can not be accepted; the first in row "
            f"{first.row}, {word}: "
            f"{first.message}",
            fix="Correct them and save again. Nothing was changed.",
        )
        self.errors = tuple(errors)

    @property
    def body(self) -> dict[str, Any]:
        """What an API or a page answers."""
        rows = [asdict(error) for error in self.errors]
        return {"error": self.message, "fix": self.fix, "rows": rows}


class RowsChanged(RowsRefused):
    """Nothing was written, because other people changed these rows since they were loaded."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__(errors)
        self.message = (
            f"{len(errors)} file{'s' * (len(errors) > 1)} changed since you loaded "
            f"{'them' if len(errors) > 1 else 'it'}. {errors[0].message}"
        )
        self.fix = "Look at the values as they are now, and save again. Nothing was overwritten."
        self.args = (f"{self.message} {self.fix}",)


def correct_many(
    rows: Sequence[Mapping[str, Any]], *, by: Any = None, reason: str = ""
) -> list[FileMetadata]:
    """Set fields of many files by hand; the metadata that changed.

    A row has the ``id`` of its file and the fields to set, as text or as values; fields
    that it does not name stay. What was changed outlives every later reading of the name.
    With the ``version`` that the metadata had when it was loaded, a row that somebody has
    changed meanwhile is not overwritten. RowsRefused, with all errors, when a value can not
    be accepted; RowsChanged when rows have changed.
    """
    grammar, changes, versions = _read(rows)
    with transaction.atomic():
        known = _locked(changes)
        _check_known(known, changes, versions)
        before = copy.deepcopy([known[pk] for pk in changes])
        changed = [pk for pk, values in changes.items() if known[pk].correct(values, grammar)]
        _save([known[pk] for pk in changed], before, by, reason)
    return [known[pk] for pk in changed]


def check_many(rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise what ``correct_many`` would raise now, and change nothing."""
    _, changes, versions = _read(rows)
    with transaction.atomic():
        _check_known(_locked(changes), changes, versions)


def request_change(action: str, body: Mapping[str, Any], *, by: Any, trigger: str) -> Job:
    """Do the same to more than ``MOST_AT_ONCE`` files as a job: correct, reparse or deprecate.

    ``body`` has ``rows`` to correct, or ``files`` for the others, and what they ask for. A
    correction that can not be is refused now.
    """
    if action == "correct":
        check_many(body["rows"])
    count = len(body.get("rows", body.get("files", [])))
    words = {"correct": "Correct", "reparse": "Read again", "deprecate": "Deprecate"}
    return engine.enqueue(
        "cells.change_files",
        {"action": action, **body},
        trigger=trigger,
        by=by,
        title=f"{words[action]} {count:,} files",
    )


def reparse_many(
    ids: Iterable[int], *, discard_manual: bool = False, by: Any = None
) -> list[FileMetadata]:
    """Read many names again. Fields set by hand are kept, unless they are to be discarded."""
    ids = list(dict.fromkeys(ids))
    check_count(len(ids))
    grammar = NameRule.objects.grammar()
    with transaction.atomic():
        rows = list(_locked(ids).values())
        before = copy.deepcopy(rows)
        for metadata in rows:
            if discard_manual:
                metadata.manual_fields = []
            metadata.understand(metadata.file.parse_name(grammar), grammar)
        _save(rows, before, by, "name read again")
    return rows


def check_count(count: int) -> None:
    """LabError when so many files can not be changed at once."""
    if not count:
        raise LabError("No file was chosen.", fix="Choose or change at least one row.")
    if count > MOST_FILES:
        raise LabError(
            f"These are {count:,} files; at most {MOST_FILES:,} are changed at once.",
            fix="Narrow the search, or do it in parts.",
        )


def _read(
    rows: Sequence[Mapping[str, Any]],
) -> tuple[Grammar, dict[int, dict[str, Any]], dict[int, str]]:
    """The grammar, the values to set and the version that was loaded, the last two by file."""
    check_count(len(rows))
    grammar = NameRule.objects.grammar()
    changes = _read_rows(rows, grammar)
    versions = {row["id"]: str(row["version"]) for row in rows if row.get("version")}
    return grammar, changes, versions


def _check_known(
    known: Mapping[int, FileMetadata], changes: Iterable[int], versions: Mapping[int, str]
) -> None:
    numbers = {pk: number for number, pk in enumerate(changes, 1)}
    if missing := [
        RowError(number, pk, "id", f"There is no file {pk}.")
        for pk, number in numbers.items()
        if pk not in known
    ]:
        raise RowsRefused(missing)
    changed = [pk for pk, version in versions.items() if known[pk].version != version]
    if changed:
        words = _who_changed([known[pk] for pk in changed])
        raise RowsChanged([RowError(numbers[pk], pk, "id", words[pk]) for pk in changed])


def _who_changed(rows: Sequence[FileMetadata]) -> dict[int, str]:
    """By file, who changed what it is about last, and when (one query)."""
    records = FileMetadata.history.filter(id__in=[row.pk for row in rows])
    records = records.select_related("history_user").order_by("history_id")
    last = {record.id: record for record in records}
    words = {}
    for row in rows:
        record = last.get(row.pk)
        # Workers that read a name again write no history.
        who = record.history_user if record and record.history_user else "a reading of its name"
        at = f" at {timezone.localtime(record.history_date):%H:%M on %Y-%m-%d}" if record else ""
        words[row.file_id] = f"{row.file.name} was changed by {who}{at}."
    return words


def _read_rows(rows: Sequence[Mapping[str, Any]], grammar: Grammar) -> dict[int, dict[str, Any]]:
    form_fields = fields_for_model(FileMetadata, METADATA_FIELDS)
    form_fields["experiment"] = kind_field(grammar)
    changes: dict[int, dict[str, Any]] = {}
    errors: list[RowError] = []
    for number, row in enumerate(rows, 1):
        pk = row.get("id")
        if not isinstance(pk, int) or isinstance(pk, bool):
            errors.append(RowError(number, None, "id", "Expected the number of a file."))
            continue
        if pk in changes:
            errors.append(RowError(number, pk, "id", "This file is there twice."))
        values = changes.setdefault(pk, {})
        for name, value in row.items():
            if name in ("id", "version"):
                continue
            try:
                values[name] = _clean(form_fields, name, value)
            except ValidationError as error:
                errors.append(RowError(number, pk, name, " ".join(error.messages)))
    if errors:
        raise RowsRefused(errors)
    return changes


def _clean(form_fields: Mapping[str, Any], name: str, value: Any) -> Any:
    if name not in form_fields:
        raise ValidationError(f"No such field; fields are {', '.join(METADATA_FIELDS)}.")
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise ValidationError("Expected a text or a number.")
    field = form_fields[name]
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and (choices := getattr(field, "choices", None)):
        # A spreadsheet says "FTIR" where the stored word is "ftir".
        words = {str(word).lower(): key for key, label in choices for word in (key, label)}
        text = words.get(text.lower(), text)
    cleaned = field.clean(text)
    low, high = BOUNDS.get(name, (None, None))
    if cleaned is not None and low is not None and not low <= cleaned <= high:
        raise ValidationError(f"Must lie between {low:,} and {high:,}.")
    return cleaned


def _locked(ids: Iterable[int]) -> dict[int, FileMetadata]:
    """The metadata by file, which no worker can change until the transaction ends."""
    files = RawFile.objects.select_for_update(of=("self",)).filter(pk__in=list(ids))
    files = files.select_related("folder").order_by("pk")
    by_file = {file.pk: file for file in files}
    stored = {row.file_id: row for row in FileMetadata.objects.filter(file__in=by_file)}
    for pk, file in by_file.items():
        stored.setdefault(pk, FileMetadata(file=file)).file = file
    return stored


def _save(rows: list[FileMetadata], before: list[FileMetadata], by: Any, reason: str) -> None:
    """Save all, and before its first change note how each was: workers write no history."""
    if not rows:
        return
    changed = {row.file_id for row in rows}
    old = [row for row in before if row.pk and row.file_id in changed]
    history = FileMetadata.history.filter(id__in=[row.pk for row in old])
    told = set(history.order_by().values_list("id", flat=True).distinct())
    untold = [row for row in old if row.pk not in told]
    FileMetadata.history.bulk_history_create(untold, default_change_reason=AS_READ)
    # The same statement for known and for new rows.
    FileMetadata.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["file"], update_fields=_STORED
    )
    FileMetadata.history.bulk_history_create(
        rows, update=True, default_user=by, default_change_reason=reason[:100]
    )
