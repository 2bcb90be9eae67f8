"""Define molecules, electrolytes and dry cells; what is common to all kinds is in ``nodes``."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Lower
from simple_history.utils import bulk_create_with_history

from battery_db.lib.errors import LabError, NotAllowed
from cells import compositions
from cells.compositions import Component, Recipe, tidy
from cells.models import (
    CellGeometry,
    DryCell,
    Electrode,
    Electrolyte,
    ElectrolyteComponent,
    ElectrolyteLot,
    Molecule,
    MoleculeLot,
    Separator,
)
from cells.naming import name_digest
from cells.projections import electrolyte_digest, electrolyte_name
from cells.services import nodes, rendering

LOOKED_UP = 500  # values in one query
COMPARED = 300  # electrolytes whose amounts are looked at to find similar ones
Constituent = Molecule | MoleculeLot


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
            short_name=name,
            smiles=smiles.strip(),
            default_role=default_role,
            description=description,
        )
        nodes.save_node(molecule, by=by)
        return molecule
    if (smiles and existing.smiles != smiles.strip()) or existing.default_role != default_role:
        raise NotAllowed(
            f"The molecule {existing.name} exists already as {existing.default_role} "
            f"{existing.smiles}.".replace(" .", "."),
            fix="Edit it under Materials, or choose another name.",
        )
    return existing


def as_recipe(
    content: str | Recipe | Iterable[Component], notes: str = "", proprietary: bool = False
) -> Recipe:
    """``content`` as a checked recipe; LabError names the first thing that is wrong."""
    if isinstance(content, str):
        content = compositions.parse_electrolyte(content)
    if not isinstance(content, Recipe):
        content = Recipe(tuple(content))
    recipe = Recipe(
        content.components,
        tidy(notes or content.notes),
        proprietary or content.proprietary,
        content.shown,
    )
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
    recipe, known = with_known_molecules(as_recipe(content, notes, proprietary))
    digest = electrolyte_digest(recipe, keys_of(known))
    existing = Electrolyte.objects.filter(digest=digest).first()
    if existing is not None:
        return existing
    refuse_clash(Electrolyte(digest=digest), recipe)
    try:
        return create_electrolytes([recipe], known, by)[0]
    except IntegrityError:
        # Somebody defined it, or one that reads the same, between the look and the write.
        made = Electrolyte.objects.filter(digest=digest).first()
        if made is None:
            refuse_clash(Electrolyte(digest=digest), recipe)
            raise
        return made


def filling_of(text: str, by: Any = None) -> tuple[Electrolyte, ElectrolyteLot | None]:
    """The electrolyte, or lot of one, that a person means by a name, number or composition."""
    text = tidy(text)
    by_name = Electrolyte.objects.filter(name_digest=name_digest(text)).first()
    if by_name is not None:
        return by_name, None
    lots = ElectrolyteLot.objects.select_related("blueprint")
    lot = lots.filter(name_digest=name_digest(text)).first()
    lot = lot or lots_labelled([text]).get(text)
    if lot is not None:
        return lot.blueprint, lot
    if not text.isdecimal():
        return define_electrolyte(text, by=by), None
    by_number = Electrolyte.objects.filter(pk=int(text[:18])).first()
    if by_number is None:
        raise LabError(f"There is no electrolyte {text}.", fix="See the list under Materials.")
    return by_number, None


def lots_labelled(texts: Sequence[str]) -> dict[str, ElectrolyteLot]:
    """Electrolyte lots by what is written on them, whatever the capitals.

    LabError for a label that stands on lots of several electrolytes.
    """
    wanted = {text.casefold(): text for text in texts}
    lots = ElectrolyteLot.objects.select_related("blueprint").annotate(lower=Lower("label"))
    found: dict[str, ElectrolyteLot] = {}
    keys = list(wanted)
    for start in range(0, len(keys), LOOKED_UP):
        for lot in lots.filter(lower__in=keys[start : start + LOOKED_UP]):
            text = wanted.get(lot.label.casefold())
            if text is None:
                continue
            if text in found:
                raise LabError(
                    f"{text} is written on several lots: {found[text]} and {lot}.",
                    fix="Give the whole name of the one that is meant.",
                )
            found[text] = lot
    return found


def edit_electrolyte(
    electrolyte: Electrolyte, content: str | Recipe, by: Any = None
) -> Electrolyte:
    """Correct an electrolyte in place, for every cell that has it."""
    recipe, known = with_known_molecules(as_recipe(content))
    keys = keys_of(known)
    others = Electrolyte.objects.exclude(pk=electrolyte.pk)
    other = others.filter(digest=electrolyte_digest(recipe, keys)).first()
    if other is not None:
        raise NotAllowed(
            f"That would make it the same as electrolyte {other.pk}, {other.name}.",
            fix="Give the cells that electrolyte instead, or merge the two.",
        )
    refuse_clash(electrolyte, recipe)
    before = electrolyte.name
    with transaction.atomic():
        electrolyte.apply(recipe, keys)
        nodes.save_checked(electrolyte, by)
        for part in electrolyte.components.all():
            nodes.sign(part, by)
            part.delete()
        _create_components([(electrolyte, recipe)], known, by)
        if electrolyte.name != before:
            rendering.render_dependents([electrolyte], by)
    return electrolyte


def refuse_clash(row: Electrolyte, recipe: Recipe) -> None:
    """NotAllowed when another electrolyte would read the same, with what tells them apart.

    One that says the same as well is no clash: somebody defined it a moment ago.
    """
    name = electrolyte_name(recipe)
    others = Electrolyte.objects.exclude(pk=row.pk).exclude(digest=row.digest)
    other = others.filter(name_digest=name_digest(name)).first()
    if other is not None:
        hidden = {"notes", "proprietary"} - recipe.shown
        raise nodes.Clash(other, is_same=False, apart=tuple(sorted(hidden))).as_error("electrolyte")


def create_electrolytes(
    recipes: Sequence[Recipe], known: Mapping[str, Constituent], by: Any = None
) -> list[Electrolyte]:
    """Store recipes that are checked and new, in a constant number of queries per batch."""
    keys = keys_of(known)
    rows = []
    for recipe in recipes:
        row = Electrolyte()
        row.apply(recipe, keys)
        rows.append(row)
    with transaction.atomic():
        bulk_create_with_history(rows, Electrolyte, batch_size=500, default_user=by)
        _create_components(list(zip(rows, recipes, strict=True)), known, by)
    return rows


def with_known_molecules(recipe: Recipe) -> tuple[Recipe, dict[str, Constituent]]:
    """``recipe`` as the registry spells its molecules and lots, and those rows."""
    known = molecules_named({part.molecule for part in recipe.components})
    return spelled(recipe, known), known


def spelled(recipe: Recipe, known: Mapping[str, Constituent]) -> Recipe:
    """``recipe`` with registered spellings; LabError for a molecule that is not registered."""
    parts = []
    for part in recipe.components:
        molecule = known.get(part.molecule.casefold())
        if molecule is None:
            raise LabError(
                f"The molecule {part.molecule!r} is not registered.", fix=_did_you_mean(part)
            )
        parts.append(Component(molecule.name, part.role, part.amount, part.unit))
    return Recipe(tuple(parts), recipe.notes, recipe.proprietary, recipe.shown)


def molecules_named(names: Iterable[str]) -> dict[str, Constituent]:
    """Registered molecules and molecule lots by case-folded name, in two queries at most."""
    names = set(names)
    wanted = {name.lower() for name in names}
    found = Molecule.objects.annotate(lower_name=Lower("name"))
    if len(wanted) <= 200:
        found = found.filter(Q(lower_name__in=wanted) | Q(name__in=names))
    known: dict[str, Constituent] = {row.name.casefold(): row for row in found}
    missing = [name for name in names if name.casefold() not in known]
    if missing:
        digests = [name_digest(name) for name in missing]
        lots = MoleculeLot.objects.filter(name_digest__in=digests).select_related("blueprint")
        known |= {lot.name.casefold(): lot for lot in lots}
    return known


def keys_of(known: Mapping[str, Constituent]) -> dict[str, str]:
    """Identities of molecules and lots by case-folded name, as digests hold them."""
    return {
        name: f"{row.blueprint_id}:{row.pk}" if isinstance(row, MoleculeLot) else str(row.pk)
        for name, row in known.items()
    }


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
        .prefetch_related("components__molecule", "components__lot")
    )
    close: list[Electrolyte] = [*found[:COMPARED]]
    close.sort(key=lambda row: compositions.distance(recipe, row.as_recipe()))
    return close[:limit]


def near_electrolytes(recipe: Recipe, limit: int = 3) -> list[tuple[Electrolyte, float]]:
    """Electrolytes of the same molecules whose amounts differ by little, and by how much.

    The difference is the largest of an amount, in percent of the amount.
    """
    names = {part.molecule for part in recipe.components}
    close = Electrolyte.objects.filter(notes=recipe.notes, proprietary=recipe.proprietary)
    close = close.annotate(total=Count("components")).filter(total=len(names))
    for part in recipe.components:
        held = ElectrolyteComponent.objects.filter(
            Q(lot__name=part.molecule) | Q(lot=None, molecule__name=part.molecule),
            electrolyte=OuterRef("pk"),
            role=part.role,
            unit=part.unit,
        )
        if part.amount is not None:
            width = part.amount * NEAR_PERCENT / 90  # percent of the larger of the two
            held = held.filter(amount__range=(part.amount - width, part.amount + width))
        close = close.filter(Exists(held))
    found = [
        (row, compositions.largest_difference_percent(recipe, row.as_recipe()))
        for row in close.prefetch_related("components__molecule", "components__lot")[:COMPARED]
    ]
    near = [(row, gap) for row, gap in found if gap is not None and 0 < gap <= NEAR_PERCENT]
    return sorted(near, key=lambda pair: pair[1])[:limit]


NEAR_PERCENT = 5


def define_dry_cell(*, by: Any = None, **fields: Any) -> DryCell:
    """The dry cell of that label, made when there is none; NotAllowed if it differs.

    ``cathode``, ``anode``, ``separator`` and ``geometry`` may be nodes, or words, which
    then become the notes (or the category) of a node.
    """
    fields["label"] = tidy(fields.pop("name", "") or fields.get("label", ""))
    with transaction.atomic():
        fields |= _nodes_of_words(fields, by)
        existing = DryCell.objects.filter(label__iexact=fields["label"]).first()
        if existing is None or not fields["label"]:
            return nodes.define_node(DryCell(**fields), by=by)[0]
    different = [name for name, value in fields.items() if getattr(existing, name) != value]
    if different:
        raise NotAllowed(
            f"A dry cell {existing.name} exists already with another {', '.join(different)}.",
            fix="Edit that one, or choose another name.",
        )
    return existing


def _nodes_of_words(fields: Mapping[str, Any], by: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in fields.items():
        if not isinstance(value, str) or name not in ("geometry", "cathode", "anode", "separator"):
            continue
        row: Any
        if not value:
            made[name] = None
            continue
        if name == "geometry":
            row = CellGeometry(category=value, shown=["category"])
        elif name == "separator":
            row = Separator(notes=tidy(value), shown=["notes"])
        else:
            row = Electrode(polarity=name, notes=tidy(value), shown=["notes"])
            row.render(())
            taken = Electrode.objects.filter(name_digest=row.name_digest).exclude(digest=row.digest)
            if taken.exists():
                row.shown = ["notes", "polarity"]
        made[name], _ = nodes.define_node(row, by=by)
    return made


def _create_components(
    pairs: Sequence[tuple[Electrolyte, Recipe]], known: Mapping[str, Constituent], by: Any
) -> None:
    parts = []
    for electrolyte, recipe in pairs:
        for part in recipe.components:
            row = known[part.molecule.casefold()]
            lot = row if isinstance(row, MoleculeLot) else None
            component = ElectrolyteComponent(
                electrolyte=electrolyte,
                molecule_id=lot.blueprint_id if lot else row.pk,
                lot=lot,
                role=part.role,
                amount=part.amount,
                unit=part.unit,
            )
            parts.append(component)
    bulk_create_with_history(parts, ElectrolyteComponent, batch_size=500, default_user=by)


def _did_you_mean(part: Component) -> str:
    names = Molecule.objects.values_list("name", flat=True)
    by_key = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(part.molecule.casefold(), by_key, n=3)
    if not close:
        return "Define it first, under Materials, Molecules."
    return f"Did you mean {' or '.join(by_key[key] for key in close)}? Otherwise define it first."
