"""Define, edit and delete nodes of the ontology: the same for every kind.

A row is refused when another says the same or reads the same; the database has the last
word, so two people at once can not make twins. What is built from a node carries its
name, so a changed name goes on into all of those in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from simple_history.utils import bulk_create_with_history

from battery_db.lib.errors import LabError, NotAllowed
from cells import naming
from cells.compositions import Problem, share_problems, tidy
from cells.kinds import KINDS
from cells.models import (
    BLUEPRINTS,
    LOTS,
    PARTS,
    Blueprint,
    DatasetCell,
    DryCell,
    Electrode,
    ElectrolyteComponent,
    LotModel,
    WeightedPart,
)
from cells.services.rendering import owner_of, render_dependents

NAMED_USES = 10
Row = TypeVar("Row", bound=models.Model)
Node = TypeVar("Node", bound=Blueprint)
Lot = TypeVar("Lot", bound=LotModel)


@dataclass(frozen=True, slots=True)
class Clash:
    """Another row that says the same, or only reads the same.

    ``apart`` are fields that would tell the two apart if the new name showed them.
    """

    other: Blueprint | LotModel
    is_same: bool
    apart: tuple[str, ...] = ()

    def as_error(self, kind: str) -> NotAllowed:
        if self.is_same:
            return NotAllowed(
                f"This {kind} exists already, as number {self.other.pk}: {self.other}.",
                fix="Use that one.",
            )
        described = KINDS[self.other.kind_key] if isinstance(self.other, Blueprint) else None
        labels = [described.label_of(field) if described else field for field in self.apart]
        shown = " or ".join(labels)
        return NotAllowed(
            f"The name would be that of {kind} {self.other.pk}, {self.other}, which is another.",
            fix=f"Show {shown} in the name." if shown else "Add notes that tell them apart.",
        )


def save_node(row: Node, parts: Sequence[WeightedPart] | None = None, by: Any = None) -> Node:
    """Save a new or edited blueprint with its components.

    ``parts`` are unsaved rows that replace the stored components; None keeps those.
    LabError names what is wrong, NotAllowed says with which other row it clashes.
    """
    tidy_texts(row)
    all_parts = list(row.parts()) if parts is None and row.pk else list(parts or ())
    for problem in problems_of(row, all_parts):
        raise LabError(problem.message, fix=problem.fix)
    before = row.name
    row.render(all_parts)
    found = clash_of(row, all_parts)
    if found is not None:
        raise found.as_error(row.kind.label)
    try:
        with transaction.atomic():
            save_checked(row, by)
            if parts is not None:
                _replace_parts(row, parts, by)
            if before and row.name != before:
                render_dependents([row], by)
    except LabError:
        # Somebody may have saved its twin between the look and the write.
        found = clash_of(row, all_parts)
        if found is not None:
            raise found.as_error(row.kind.label) from None
        raise
    return row


def define_node(row: Node, parts: Sequence[WeightedPart] = (), by: Any = None) -> tuple[Node, bool]:
    """The stored row that says the same as ``row``, made when there is none; whether it was made."""
    tidy_texts(row)
    row.render(parts)
    stored = type(row).objects.filter(digest=row.digest)  # type: ignore[attr-defined]
    same = stored.first()
    if same is not None:
        return same, False
    try:
        return save_node(row, parts, by), True
    except NotAllowed:
        # Somebody defined it between the look and the write; the database kept one.
        same = stored.all().first()
        if same is None:
            raise
        return same, False


def problems_of(row: Blueprint, parts: Sequence[WeightedPart]) -> list[Problem]:
    """What keeps a blueprint from being taken as it is. Nothing is rescaled here."""
    kind = row.kind
    problems = []
    for group, part_kind in kind.parts:
        if part_kind != "atom":
            amounts = [part.amount for part in parts if part.group == group]
            problems += share_problems(amounts, group, whole=group != "inactives")
    keys = [(part.group, part.child.key.partition(":")[0]) for part in parts]
    twice = {part.child.name for part, key in zip(parts, keys, strict=True) if keys.count(key) > 1}
    if twice:
        names = ", ".join(sorted(twice))
        problems.append(Problem(f"{names}: there twice.", "Keep one line for each material."))
    problems += _misplaced(row)
    if not problems and not naming.node_name(row.as_node(parts)):
        problems.append(
            Problem(
                f"Nothing of this {kind.label} is shown in its name.",
                "Fill in something, or notes, and let the name show it.",
            )
        )
    return problems


def _misplaced(row: Blueprint) -> list[Problem]:
    """An anode where a cathode should be, or the other way round."""
    if isinstance(row, Electrode):
        return _turned_over(row)
    problems = []
    for place in ("cathode", "anode") if isinstance(row, DryCell) else ():
        electrode = getattr(row, place)
        if electrode is not None and electrode.polarity != place:
            problems.append(
                Problem(
                    f"The electrode {electrode} is given as {place} and defined as "
                    f"{electrode.polarity}.",
                    f"Choose one of the {place}s.",
                )
            )
    return problems


def _turned_over(row: Electrode) -> list[Problem]:
    """A stored cathode that is to become an anode while dry cells have it as cathode."""
    other = "anode" if row.polarity == Electrode.Polarity.CATHODE else "cathode"
    users = DryCell.objects.filter(**{other: row.pk}) if row.pk else DryCell.objects.none()
    found = users.first()
    if found is None:
        return []
    message = f"The dry cell {found} has this electrode as {other}."
    return [Problem(message, f"Keep it {other}, or give that dry cell another one first.")]


def clash_of(row: Blueprint, parts: Sequence[WeightedPart]) -> Clash | None:
    """The row that says or reads the same, if there is one. ``row`` has been rendered."""
    others = type(row).objects.exclude(pk=row.pk)  # type: ignore[attr-defined]
    same = others.filter(digest=row.digest).first()
    if same is not None:
        return Clash(same, is_same=True)
    alike = others.filter(name_digest=row.name_digest).first()
    if alike is None:
        return None
    apart = naming.telling_apart(row.as_node(parts), alike.as_node())
    return Clash(alike, is_same=False, apart=tuple(apart))


def save_lot(lot: Lot, by: Any = None) -> Lot:
    """Save a new or edited lot; NotAllowed when another lot reads the same."""
    tidy_texts(lot)
    if not getattr(lot, lot.label_field):
        raise LabError("A lot needs a label.", fix="Write what stands on it.")
    before = lot.name
    lot.render()
    others = type(lot).objects.exclude(pk=lot.pk)  # type: ignore[attr-defined]
    alike = others.filter(name_digest=lot.name_digest).first()
    if alike is not None:
        raise NotAllowed(
            f"There is a lot {alike} already.", fix="Use that one, or show more of it in the name."
        )
    with transaction.atomic():
        save_checked(lot, by)
        if before and lot.name != before:
            render_dependents([lot], by)
    return lot


def define_lot(lot: Lot, by: Any = None) -> tuple[Lot, bool]:
    """The stored lot that says the same as ``lot``, made when there is none; whether it was made."""
    tidy_texts(lot)
    lot.render()
    stored = type(lot).objects.filter(digest=lot.digest)  # type: ignore[attr-defined]
    same = stored.first()
    if same is not None:
        return same, False
    try:
        return save_lot(lot, by), True
    except NotAllowed:
        # Somebody defined it between the look and the write; the database kept one.
        same = stored.all().first()
        if same is None:
            raise
        return same, False


def find_node(kind_key: str, text: str) -> tuple[Any, Any]:
    """The blueprint, or lot with its blueprint, that a person means by a name or number.

    Lots and blueprints are interchangeable here; a lot is also found by its label, such
    as a Box ID, where only one has it.
    """
    text = tidy(text)
    model = BLUEPRINTS[kind_key]
    blueprints = model.objects  # type: ignore[attr-defined]
    digests = [naming.name_digest(text), naming.name_digest(text.casefold())]
    found = blueprints.filter(name_digest__in=digests).first()
    if found is not None:
        return found, None
    lot = _find_lot(kind_key, text, digests)
    if lot is not None:
        return lot.blueprint, lot
    number = text.removeprefix("#")
    found = blueprints.filter(pk=int(number[:18])).first() if number.isdecimal() else None
    if found is None:
        raise LabError(
            f"There is no {model.kind_key.replace('-', ' ')} {text!r}.",
            fix="Choose from the list, or define it first.",
        )
    return found, None


def find_nodes(kind_key: str, texts: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """``find_node`` for many texts; whole names take two queries for all of them."""
    digests = {naming.name_digest(tidy(text)): text for text in texts}
    blueprints = BLUEPRINTS[kind_key].objects.filter(name_digest__in=digests)  # type: ignore[attr-defined]
    found = {digests[row.name_digest]: (row, None) for row in blueprints}
    model = LOTS.get(kind_key)
    if model is not None and len(found) < len(digests):
        lots = model.objects.filter(name_digest__in=digests).select_related("blueprint")  # type: ignore[attr-defined]
        found |= {digests[lot.name_digest]: (lot.blueprint, lot) for lot in lots}
    return {text: found.get(text) or find_node(kind_key, text) for text in digests.values()}


def _find_lot(kind_key: str, text: str, digests: Sequence[str]) -> Any:
    model = LOTS.get(kind_key)
    if model is None:
        return None
    lots = model.objects.select_related("blueprint")  # type: ignore[attr-defined]
    labelled = models.Q(**{f"{model.label_field}__iexact": text})
    found = list(lots.filter(models.Q(name_digest__in=digests) | labelled)[:2])
    return found[0] if len(found) == 1 else None


def delete_if_unused(row: models.Model, by: Any = None) -> None:
    """Delete ``row``; NotAllowed with the list of what uses it."""
    sign(row, by)
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        users = sorted({_user(user) for user in error.protected_objects})
        raise NotAllowed(
            f"{row} is in use by {_listing(users)}.",
            fix="Change or remove these first.",
        ) from error


def save_checked(row: Row, by: Any = None) -> Row:
    """Validate and save; what the model refuses becomes a LabError in its own words."""
    sign(row, by)
    try:
        row.full_clean()
        with transaction.atomic():
            row.save()
    except ValidationError as error:
        raise LabError(in_words(error), fix="Correct it and save again.") from error
    except IntegrityError as error:
        raise NotAllowed(
            f"{row} was registered by somebody else a moment ago.", fix="Look at theirs."
        ) from error
    return row


def sign(row: models.Model, by: Any) -> None:
    """Say in the audit history who did it; without ``by`` it is whoever made the request."""
    if by is not None:
        row._history_user = by  # type: ignore[attr-defined]


def in_words(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    lines = []
    for field, messages in error.message_dict.items():
        prefix = "" if field == "__all__" else f"{field.replace('_', ' ')}: "
        lines += [prefix + message for message in messages]
    return " ".join(lines)


def tidy_texts(row: models.Model) -> None:
    """Spellings that nobody can tell apart on screen must not make two entities."""
    for field in row._meta.fields:
        if isinstance(field, models.CharField) and field.editable and not field.choices:
            setattr(row, field.name, tidy(getattr(row, field.name) or ""))


def _replace_parts(row: Blueprint, parts: Sequence[WeightedPart], by: Any) -> None:
    for part in list(row.parts()):
        sign(part, by)
        part.delete()
    for (kind_key, group), model in PARTS.items():
        if kind_key != row.kind_key:
            continue
        fresh = [part for part in parts if part.group == group]
        for part in fresh:
            part.pk = None
            setattr(part, part.owner_field, row)
        bulk_create_with_history(fresh, model, batch_size=500, default_user=by)


def _user(row: models.Model) -> str:
    """What a person would say uses the thing: the whole, not the row that points to it."""
    if isinstance(row, (WeightedPart, ElectrolyteComponent)):
        owner = owner_of(row)
        return f"{owner.kind.label} {owner}"
    if isinstance(row, LotModel):
        return f"lot {row}"
    if isinstance(row, Blueprint):
        return f"{row.kind.label} {row}"
    if isinstance(row, DatasetCell):
        return f"dataset {row.dataset}"
    return str(row)


def _listing(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_USES])
    rest = len(names) - NAMED_USES
    return f"{shown} and {rest} more" if rest > 0 else shown
