"""Carry a changed name on into the names of all that is built from it."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, models, transaction
from simple_history.utils import bulk_update_with_history

from battery_db.lib.errors import NotAllowed
from cells.kinds import KINDS
from cells.models import PARTS, Blueprint, Electrolyte, ElectrolyteComponent, LotModel, WeightedPart

Named = Blueprint | LotModel


def render_dependents(rows: Iterable[Named], by: Any = None) -> int:
    """Render again the names of all that is built from ``rows``; how many changed."""
    changed = 0
    level: list[Any] = list(rows)
    while level:
        stale = dependents_of(level)
        level = []
        for model, keys in stale.items():
            renamed = _render_rows(model, keys, by)
            changed += len(renamed)
            level += renamed
    return changed


def dependents_of(rows: Iterable[Named]) -> dict[Any, set[int]]:
    """Keys of the rows whose names hold the names of ``rows``, by model."""
    found: dict[Any, set[int]] = {}
    by_model: dict[type[models.Model], list[int]] = {}
    for row in rows:
        by_model.setdefault(type(row), []).append(row.pk)
    for model, keys in by_model.items():
        for relation in model._meta.related_objects:
            owner, path = _holder(relation)
            if owner is not None:
                source = relation.related_model._default_manager
                held = source.filter(**{f"{relation.field.name}__in": keys})
                found.setdefault(owner, set()).update(held.values_list(path, flat=True))
    return {model: keys for model, keys in found.items() if keys}


def with_parts(model: type[Blueprint]) -> models.QuerySet[Any]:
    """Blueprints with all that rendering them needs, in a constant number of queries."""
    rows: models.QuerySet[Any] = model.objects.all()  # type: ignore[attr-defined]
    if model is Electrolyte:
        return rows.prefetch_related("components__molecule", "components__lot")
    fields = {field.name for field in model._meta.fields if field.is_relation}
    for found in KINDS[model.kind_key].attributes:
        joined = [name for name in (found.field, f"{found.field}_lot") if name in fields]
        rows = rows.select_related(*joined) if joined else rows
    for group, relation in model.part_relations.items():
        has_material = any(f.name == "material" for f in PARTS[model.kind_key, group]._meta.fields)
        paths = [f"{relation}__material", f"{relation}__lot"] if has_material else [relation]
        rows = rows.prefetch_related(*paths)
    return rows


def owner_of(part: Any) -> Any:
    """What a component is a component of."""
    return getattr(part, part.owner_field)


def _holder(relation: Any) -> tuple[Any, str]:
    """The model whose name depends on a relation, and the way to its key."""
    related = relation.related_model
    if issubclass(related, (WeightedPart, ElectrolyteComponent)):
        owner = related._meta.get_field(related.owner_field)
        if relation.field is not owner:
            return owner.related_model, f"{related.owner_field}_id"
    elif issubclass(related, (Blueprint, LotModel)):
        return related, "pk"
    return None, ""


def _render_rows(model: Any, keys: set[int], by: Any) -> list[Any]:
    is_lot = issubclass(model, LotModel)
    rows = model.objects.select_related("blueprint") if is_lot else with_parts(model)
    stale = list(rows.filter(pk__in=keys))
    before = {row.pk: row.name for row in stale}
    for row in stale:
        row.render()
    renamed = [row for row in stale if row.name != before[row.pk]]
    fields = ["name", "digest", "name_digest"]
    try:
        with transaction.atomic():
            bulk_update_with_history(renamed, model, fields, batch_size=200, default_user=by)
    except IntegrityError as error:
        raise NotAllowed(
            "With this name, two things built from it would read the same.",
            fix="Choose another name, or show more of it.",
        ) from error
    return renamed
