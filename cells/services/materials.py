"""Define molecules, electrolytes and dry cells, and refuse to delete what is in use."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Count, ProtectedError, Q
from django.db.models.functions import Lower
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from battery_db.lib.errors import LabError, NotAllowed
from cells import compositions, projections
from cells.compositions import Component, Recipe, tidy
from cells.models import DatasetCell, DryCell, Electrolyte, ElectrolyteComponent, Molecule

NAMED_USES = 10
COMPARED = 300  # electrolytes whose amounts are looked at to find similar ones
Row = TypeVar("Row", bound=models.Model)


def define_molecule(
    name: str,
    smiles: str = "",
    default_role: str = "additive",
    description: str = "",
    by: Any = None,
) -> Molecule:
    """The molecule of that name, made when there is none; NotAllowed if it differs."""
    name = tidy(name)
    existing = Molecule.objects.filter(name__iexact=name).first()
    if existing is None:
        molecule = Molecule(
            name=name, smiles=smiles.strip(), default_role=default_role, description=description
        )
        return save_checked(molecule, by)
    if (smiles and existing.smiles != smiles.strip()) or existing.default_role != default_role:
        raise NotAllowed(
            f"The molecule {existing.name} exists already as {existing.default_role} "
            f"{existing.smiles}.".replace(" .", "."),
            fix="Edit it under Materials, or choose another name.",
        )
    return existing


def save_molecule(molecule: Molecule, by: Any = None) -> Molecule:
    """Save an edited molecule; a new name goes into the names of its electrolytes at once."""
    before = Molecule.objects.get(pk=molecule.pk).name
    molecule.name = tidy(molecule.name)
    with transaction.atomic():
        save_checked(molecule, by)
        if molecule.name != before:
            _render_again(Electrolyte.objects.filter(components__molecule=molecule), by)
    return molecule


def recipe_of(electrolyte: Electrolyte) -> Recipe:
    """The exact content of a stored electrolyte (prefetch ``components__molecule`` for many)."""
    parts = (
        Component(part.molecule.name, part.role, part.amount, part.unit)
        for part in electrolyte.components.all()
    )
    return Recipe(tuple(parts), electrolyte.notes, electrolyte.proprietary)


def as_recipe(
    content: str | Recipe | Iterable[Component], notes: str = "", proprietary: bool = False
) -> Recipe:
    """``content`` as a checked recipe; LabError names the first thing that is wrong."""
    if isinstance(content, str):
        content = compositions.parse_electrolyte(content)
    if isinstance(content, Recipe):
        notes, proprietary = notes or content.notes, proprietary or content.proprietary
        content = content.components
    recipe = Recipe(tuple(content), tidy(notes), proprietary)
    for problem in compositions.problems_of(recipe):
        raise LabError(problem.message, fix=problem.fix)
    return recipe


def define_electrolyte(
    content: str | Recipe | Iterable[Component],
    notes: str = "",
    *,
    proprietary: bool = False,
    by: Any = None,
) -> Electrolyte:
    """The electrolyte of exactly this content, made when there is none."""
    recipe, molecules = with_known_molecules(as_recipe(content, notes, proprietary))
    digest = projections.electrolyte_digest(recipe)
    existing = Electrolyte.objects.filter(digest=digest).first()
    if existing is not None:
        return existing
    try:
        return create_electrolytes([recipe], molecules, by)[0]
    except IntegrityError:
        # Somebody defined it between the look and the write; the database kept one.
        return Electrolyte.objects.get(digest=digest)


def electrolyte_of(text: str, by: Any = None) -> Electrolyte:
    """The electrolyte that a person means by its name, its number or a composition."""
    text = tidy(text)
    by_name = Electrolyte.objects.filter(name=text).first()
    if by_name is not None:
        return by_name
    if not text.isdecimal():
        return define_electrolyte(text, by=by)
    by_number = Electrolyte.objects.filter(pk=int(text[:18])).first()
    if by_number is None:
        raise LabError(f"There is no electrolyte {text}.", fix="See the list under Materials.")
    return by_number


def edit_electrolyte(
    electrolyte: Electrolyte, content: str | Recipe, by: Any = None
) -> Electrolyte:
    """Correct an electrolyte in place, for every cell that has it."""
    recipe, molecules = with_known_molecules(as_recipe(content))
    twin = Electrolyte.objects.filter(digest=projections.electrolyte_digest(recipe))
    other = twin.exclude(pk=electrolyte.pk).first()
    if other is not None:
        raise NotAllowed(
            f"That would make it the same as electrolyte {other.pk}, {other.name}.",
            fix="Give the cells that electrolyte instead.",
        )
    with transaction.atomic():
        _apply(electrolyte, recipe)
        save_checked(electrolyte, by)
        for part in electrolyte.components.all():
            sign(part, by)
            part.delete()
        _create_components([(electrolyte, recipe)], molecules, by)
    return electrolyte


def create_electrolytes(
    recipes: Sequence[Recipe], molecules: Mapping[str, Molecule], by: Any = None
) -> list[Electrolyte]:
    """Store recipes that are checked and new, in a constant number of queries per batch."""
    rows = [_apply(Electrolyte(), recipe) for recipe in recipes]
    with transaction.atomic():
        bulk_create_with_history(rows, Electrolyte, batch_size=500, default_user=by)
        _create_components(list(zip(rows, recipes, strict=True)), molecules, by)
    return rows


def with_known_molecules(recipe: Recipe) -> tuple[Recipe, dict[str, Molecule]]:
    """``recipe`` with molecules spelled as the registry spells them, and those molecules."""
    molecules = molecules_named({part.molecule for part in recipe.components})
    return spelled(recipe, molecules), molecules


def spelled(recipe: Recipe, molecules: Mapping[str, Molecule]) -> Recipe:
    """``recipe`` with registered spellings; LabError for a molecule that is not registered."""
    parts = []
    for part in recipe.components:
        molecule = molecules.get(part.molecule.casefold())
        if molecule is None:
            raise LabError(
                f"The molecule {part.molecule!r} is not registered.", fix=_did_you_mean(part)
            )
        parts.append(Component(molecule.name, part.role, part.amount, part.unit))
    return Recipe(tuple(parts), recipe.notes, recipe.proprietary)


def molecules_named(names: Iterable[str]) -> dict[str, Molecule]:
    """Registered molecules by case-folded name, in one query."""
    wanted = {name.lower() for name in names}
    found = Molecule.objects.annotate(lower_name=Lower("name"))
    if len(wanted) <= 200:
        found = found.filter(Q(lower_name__in=wanted) | Q(name__in=set(names)))
    return {molecule.name.casefold(): molecule for molecule in found}


def similar_electrolytes(recipe: Recipe, limit: int = 5) -> list[Electrolyte]:
    """Those closest to ``recipe`` in molecules, then in amounts; itself first if it is stored."""
    names = {part.molecule for part in recipe.components}
    found = (
        Electrolyte.objects.annotate(
            shared=Count("components", filter=Q(components__molecule__name__in=names)),
            total=Count("components"),
        )
        .filter(shared__gt=0)
        .order_by("-shared", "total", "name")
        .prefetch_related("components__molecule")
    )
    close: list[Electrolyte] = [*found[:COMPARED]]
    close.sort(key=lambda row: compositions.distance(recipe, recipe_of(row)))
    return close[:limit]


def define_dry_cell(*, by: Any = None, **fields: Any) -> DryCell:
    """The dry cell of that name, made when there is none; NotAllowed if it differs."""
    fields["name"] = tidy(fields["name"])
    existing = DryCell.objects.filter(name__iexact=fields["name"]).first()
    if existing is None:
        return save_checked(DryCell(**fields), by)
    different = [name for name, value in fields.items() if getattr(existing, name) != value]
    if different:
        raise NotAllowed(
            f"A dry cell {existing.name} exists already with another {', '.join(different)}.",
            fix="Edit that one, or choose another name.",
        )
    return existing


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


def _apply(electrolyte: Electrolyte, recipe: Recipe) -> Electrolyte:
    name = projections.electrolyte_name(recipe)
    if not projections.fits(name):
        raise LabError(
            f"The name of this electrolyte would have {len(name)} characters.",
            fix=f"Shorten the notes; names hold {projections.NAME_CHARACTERS}.",
        )
    electrolyte.name = name
    electrolyte.digest = projections.electrolyte_digest(recipe)
    electrolyte.notes, electrolyte.proprietary = recipe.notes, recipe.proprietary
    return electrolyte


def _create_components(
    pairs: Sequence[tuple[Electrolyte, Recipe]], molecules: Mapping[str, Molecule], by: Any
) -> None:
    parts = [
        ElectrolyteComponent(
            electrolyte=electrolyte,
            molecule=molecules[part.molecule.casefold()],
            role=part.role,
            amount=part.amount,
            unit=part.unit,
        )
        for electrolyte, recipe in pairs
        for part in recipe.components
    ]
    bulk_create_with_history(parts, ElectrolyteComponent, batch_size=500, default_user=by)


def _render_again(electrolytes: models.QuerySet[Electrolyte], by: Any) -> None:
    rows = list(electrolytes.prefetch_related("components__molecule"))
    for row in rows:
        _apply(row, recipe_of(row))
    fields = ["name", "digest"]
    bulk_update_with_history(rows, Electrolyte, fields, batch_size=200, default_user=by)


def _did_you_mean(part: Component) -> str:
    names = Molecule.objects.values_list("name", flat=True)
    by_key = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(part.molecule.casefold(), by_key, n=3)
    if not close:
        return "Define it first, under Materials, Molecules."
    return f"Did you mean {' or '.join(by_key[key] for key in close)}? Otherwise define it first."


def _user(row: models.Model) -> str:
    """What a person would say uses the thing: the whole, not the row that points to it."""
    if isinstance(row, ElectrolyteComponent):
        return f"electrolyte {row.electrolyte}"
    if isinstance(row, DatasetCell):
        return f"dataset {row.dataset}"
    return str(row)


def _listing(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_USES])
    rest = len(names) - NAMED_USES
    return f"{shown} and {rest} more" if rest > 0 else shown
