"""Make one of two rows that mean the same thing: for curators, all in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, models, transaction
from simple_history.utils import bulk_update_with_history

from battery_db.lib.errors import LabError, NotAllowed
from cells.models import Blueprint, ElectrolyteComponent, LotModel, WeightedPart
from cells.services.nodes import save_checked, sign
from cells.services.rendering import dependents_of, owner_of, render_dependents, with_parts

BATCH = 500
Named = Any  # a Blueprint or a LotModel; both rows of a merge are of one model


@dataclass(frozen=True, slots=True)
class Move:
    """Rows of one model that would point to the kept row instead."""

    what: str
    count: int


def moves_of(gone: Named) -> list[Move]:
    """What merging ``gone`` into another row would move, for the page that asks."""
    found = []
    for relation in _relations(gone):
        model: Any = relation.related_model
        count = model._default_manager.filter(**{relation.field.name: gone}).count()
        if count:
            name = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
            found.append(Move(str(name), count))
    return found


def merge(keep: Named, gone: Named, by: Any = None) -> int:
    """Let everything that points to ``gone`` point to ``keep``, then delete ``gone``.

    Rows that become the same through this, such as two electrolytes of the two twins of
    a molecule, are merged too, into the older one. Returns how many rows were deleted.
    Raises LabError when the two can not be merged; then nothing has changed.
    """
    _check(keep, gone)
    try:
        with transaction.atomic():
            return _merge(keep, gone, by)
    except IntegrityError as error:
        raise NotAllowed(
            f"Something holds both {keep} and {gone}, such as a calibration with both as components.",
            fix="Correct it so that it holds one, then merge.",
        ) from error


def _merge(keep: Named, gone: Named, by: Any) -> int:
    reason = f"merged {gone._meta.verbose_name} {gone.pk} into {keep.pk}"
    dependents = dependents_of([gone])
    deleted = 0
    if isinstance(gone, Blueprint) and gone.kind.has_lots:
        deleted += _move_lots(keep, gone, reason, by)
    for relation in _relations(gone):
        _repoint(relation, keep, gone, reason, by)
    for model, keys in dependents.items():
        deleted += _settle(model, keys, by)
    sign(gone, by)
    gone._change_reason = f"Merged into {keep.pk}: {keep}"[:100]
    gone.delete()
    keep._change_reason = f"Took over {gone._meta.verbose_name}: {gone}"[:100]
    save_checked(keep, by)
    return deleted + 1


def _check(keep: Named, gone: Named) -> None:
    if type(keep) is not type(gone):
        raise LabError(
            f"{keep._meta.verbose_name} and {gone._meta.verbose_name} can not be merged.",
            fix="Choose two of one kind.",
        )
    if keep.pk == gone.pk:
        raise LabError(f"{keep} can not be merged with itself.", fix="Choose its duplicate.")
    if isinstance(keep, LotModel) and keep.blueprint != gone.blueprint:
        raise LabError(
            f"{keep} and {gone} are lots of different things.", fix="Merge those things first."
        )


def _relations(row: models.Model) -> Iterable[Any]:
    """Foreign keys to a row's model, but for its own components and the audit history."""
    for relation in row._meta.related_objects:
        model = relation.related_model
        is_own = relation.field.name == getattr(model, "owner_field", "")
        if not is_own and not hasattr(model, "history_id"):
            yield relation


def _move_lots(keep: Any, gone: Any, reason: str, by: Any) -> int:
    """Lots go along; one that reads as a lot of ``keep`` does is merged with it."""
    deleted = 0
    for lot in list(gone.lots.all()):
        lot.blueprint = keep
        lot.render()
        twin = type(lot).objects.exclude(pk=lot.pk).filter(name_digest=lot.name_digest).first()
        if twin is not None:
            if twin.digest != lot.digest:
                raise NotAllowed(
                    f"Both have a lot {twin}, and the two differ.",
                    fix="Show in their names what tells them apart, or make them equal.",
                )
            deleted += _merge(twin, type(lot).objects.get(pk=lot.pk), by)
            continue
        lot._change_reason = reason
        save_checked(lot, by)
    return deleted


def _repoint(relation: Any, keep: Named, gone: Named, reason: str, by: Any) -> None:
    model, field = relation.related_model, relation.field.name
    rows = list(model._default_manager.filter(**{field: gone}))
    if issubclass(model, (WeightedPart, ElectrolyteComponent)) and field != "lot":
        _refuse_both(model, rows, field, keep)
    for row in rows:
        setattr(row, field, keep)
    if not hasattr(model, "history"):
        model._default_manager.bulk_update(rows, [field], batch_size=BATCH)
        return
    bulk_update_with_history(
        rows,
        model,
        [field],
        batch_size=BATCH,
        default_user=by,
        default_change_reason=reason,
    )


def _refuse_both(model: Any, rows: list[Any], field: str, keep: Named) -> None:
    owners = [owner_of(row) for row in rows]
    both = model._default_manager.filter(
        **{field: keep, f"{model.owner_field}__in": owners}
    ).first()
    if both is not None:
        owner = owner_of(both)
        raise NotAllowed(
            f"{owner.kind.label} {owner} holds both of them.".capitalize(),
            fix="Correct it so that it holds one, then merge.",
        )


def _settle(model: Any, keys: set[int], by: Any) -> int:
    """Digest and name what was built from the two; merge what has become the same."""
    is_lot = issubclass(model, LotModel)
    rows = model.objects.select_related("blueprint") if is_lot else with_parts(model)
    deleted = 0
    for row in list(rows.filter(pk__in=keys).order_by("pk")):
        if not model.objects.filter(pk=row.pk).exists():
            continue  # merged into another a moment ago
        before = row.name
        row.render()
        others = model.objects.exclude(pk=row.pk)
        twin = others.filter(digest=row.digest).first()
        if twin is not None:
            older, newer = sorted((twin, model.objects.get(pk=row.pk)), key=lambda found: found.pk)
            deleted += _merge(older, newer, by)
            fresh = rows.get(pk=older.pk)
            fresh.render()
            save_checked(fresh, by)
            continue
        if others.filter(name_digest=row.name_digest).exists():
            raise NotAllowed(
                f"After this, {row} would read like another.", fix="Show more in its name first."
            )
        save_checked(row, by)
        if row.name != before:
            render_dependents([row], by)
    return deleted
