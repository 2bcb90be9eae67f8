"""Who changed what: the history of simple-history's models, worded for people."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models
from django.db.models import OuterRef, Subquery, Value
from simple_history.utils import get_history_manager_for_model

VERBS = {"+": "added", "~": "changed", "-": "deleted"}
LONGEST_VALUE = 300
Key = tuple[str, int]  # (model label, history_id)


@dataclass(frozen=True, slots=True)
class FieldChange:
    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object, by a person or (``by`` is empty) by the system."""

    at: datetime
    by: str
    verb: str
    kind: str
    subject: str
    url: str
    fields: list[FieldChange] = field(default_factory=list)
    reason: str = ""


def tracked_models() -> dict[str, type[models.Model]]:
    """Models whose changes are kept, by label, in the order of their names."""
    found = {
        model._meta.label: model
        for model in apps.get_models()
        if hasattr(model._meta, "simple_history_manager_attribute")
    }
    return dict(sorted(found.items(), key=lambda item: str(item[1]._meta.verbose_name)))


def changes_of(obj: models.Model, limit: int = 20) -> list[Change]:
    """The newest changes of one object, newest first (about three queries)."""
    records = _history(type(obj)).filter(**{obj._meta.pk.attname: obj.pk})
    return _worded(type(obj), _with_previous(records)[:limit])


def recent_keys(labels: Iterable[str], *, person_id: int | None = None) -> models.QuerySet[Any]:
    """``(date, history_id, label)`` of all changes, newest first, in one lazy query."""
    parts = []
    known = tracked_models()
    for label in labels:
        records = _history(known[label]).order_by()
        if person_id is not None:
            records = records.filter(history_user_id=person_id)
        parts.append(
            records.annotate(model_label=Value(label)).values_list(
                "history_date", "history_id", "model_label"
            )
        )
    joined = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    newest_first: models.QuerySet[Any] = joined.order_by("-history_date", "-history_id")
    return newest_first


def changes_at(keys: Sequence[tuple[datetime, int, str]]) -> list[Change]:
    """The changes that ``recent_keys`` names, in its order; a few queries per model."""
    ids_by_label: dict[str, list[int]] = defaultdict(list)
    for _, history_id, label in keys:
        ids_by_label[label].append(history_id)
    found: dict[Key, Change] = {}
    known = tracked_models()
    for label, ids in ids_by_label.items():
        records = list(_with_previous(_history(known[label]).filter(history_id__in=ids)))
        worded = _worded(known[label], records)
        found |= {
            (label, record.history_id): change
            for record, change in zip(records, worded, strict=True)
        }
    return [
        found[label, history_id] for _, history_id, label in keys if (label, history_id) in found
    ]


def _history(model: type[models.Model]) -> models.QuerySet[Any]:
    manager = get_history_manager_for_model(model)
    records: models.QuerySet[Any] = manager.model._default_manager.all()
    return records


def _with_previous(records: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Add ``previous_id``: the record before, so that a page of diffs needs no query each."""
    pk = records.model.instance_type._meta.pk.attname
    before = records.model._default_manager.filter(
        **{pk: OuterRef(pk)}, history_id__lt=OuterRef("history_id")
    ).order_by("-history_id")
    with_previous: models.QuerySet[Any] = (
        records.select_related("history_user")
        .annotate(previous_id=Subquery(before.values("history_id")[:1]))
        .order_by("-history_date", "-history_id")
    )
    return with_previous


def _worded(model: type[models.Model], records: Iterable[Any]) -> list[Change]:
    records = list(records)
    previous_ids = [record.previous_id for record in records if record.previous_id]
    previous = records[0].__class__._default_manager.in_bulk(previous_ids) if previous_ids else {}
    pk = model._meta.pk.attname
    living = model._base_manager.select_related().in_bulk({getattr(r, pk) for r in records})
    diffs = [_raw_diff(record, previous.get(record.previous_id)) for record in records]
    names = _related_names(model, diffs)
    return [
        _change(model, record, living.get(getattr(record, pk)), _fields(model, diff, names))
        for record, diff in zip(records, diffs, strict=True)
    ]


def _change(
    model: type[models.Model], record: Any, living: models.Model | None, fields: list[FieldChange]
) -> Change:
    return Change(
        at=record.history_date,
        by=record.history_user.get_username() if record.history_user else "",
        verb=VERBS[record.history_type],
        kind=str(model._meta.verbose_name),
        subject=str(living) if living is not None else _name_of_deleted(model, record),
        url=_url(living),
        fields=fields,
        reason=record.history_change_reason or "",
    )


def _raw_diff(record: Any, previous: Any) -> list[tuple[str, Any, Any]]:
    if previous is None or record.history_type != "~":
        return []
    delta = record.diff_against(previous)
    return [(change.field, change.old, change.new) for change in delta.changes]


def _related_names(
    model: type[models.Model], diffs: Iterable[list[tuple[str, Any, Any]]]
) -> dict[tuple[str, Any], str]:
    """(field, key) -> name of the object that a changed foreign key pointed or points to."""
    keys: dict[str, set[Any]] = defaultdict(set)
    for diff in diffs:
        for name, old, new in diff:
            if isinstance(_field(model, name), models.ForeignKey):
                keys[name] |= {value for value in (old, new) if value is not None}
    return {
        (name, key): str(related)
        for name, values in keys.items()
        for key, related in _field(model, name).related_model._base_manager.in_bulk(values).items()
    }


def _fields(
    model: type[models.Model],
    diff: Iterable[tuple[str, Any, Any]],
    names: dict[tuple[str, Any], str],
) -> list[FieldChange]:
    return [
        FieldChange(
            name=str(getattr(_field(model, name), "verbose_name", name.replace("_", " "))),
            old=_text(
                names.get((name, old) if not isinstance(old, list | dict) else ("", None), old)
            ),
            new=_text(
                names.get((name, new) if not isinstance(new, list | dict) else ("", None), new)
            ),
        )
        for name, old, new in diff
    ]


def _field(model: type[models.Model], name: str) -> Any:
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _text(value: Any) -> str:
    if value is None or value == "":
        return "(empty)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = f"{len(value)} entries" if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def _name_of_deleted(model: type[models.Model], record: Any) -> str:
    try:
        return str(record.instance)
    except ObjectDoesNotExist:  # its name was that of another object, deleted too
        return f"{model._meta.verbose_name} {record.pk}"


def _url(living: models.Model | None) -> str:
    from django.urls import NoReverseMatch

    if living is None or not hasattr(living, "get_absolute_url"):
        return ""
    try:
        return str(living.get_absolute_url())
    except NoReverseMatch:
        return ""
