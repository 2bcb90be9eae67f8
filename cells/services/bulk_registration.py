"""Register many wet cells at once: a verdict for each row first, then all or nothing."""

import dataclasses
import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from battery_db.lib.errors import LabError, NotAllowed
from cells.compositions import Component, Problem, Recipe, problems_of, tidy
from cells.models import (
    DryCell,
    DryCellLot,
    Electrolyte,
    ElectrolyteLot,
    MoleculeLot,
    WetCell,
)
from cells.naming import name_digest
from cells.projections import electrolyte_digest, electrolyte_name
from cells.registration import (
    Entry,
    MoleculeColumn,
    bad_header,
    molecule_column,
    read_entries,
)
from cells.services import materials, nodes
from cells.services.registry import LARGEST_CELL_ID, Body, Filling, parts_of

# Databases take a limited number of values in one query.
BATCH = 500
HINTS = 20  # unknown names for which the nearest known one is looked for


class Verdict(StrEnum):
    NEW = "new"
    SAME = "same"
    REPLACED = "replaced"
    CONFLICT = "conflict"
    ERROR = "error"


@dataclass(slots=True)
class PlannedRow:
    """One row of the table, what would happen to it, and why."""

    entry: Entry
    verdict: Verdict = Verdict.NEW
    field: str = ""
    message: str = ""
    cell_id: int = 0
    electrolyte: Filling | None = None
    recipe: Recipe | None = None  # an electrolyte that would be defined
    dry_cell: Body | None = None
    notes: str = ""
    existing: WetCell | None = None
    is_composed: bool = False  # the electrolyte is given by columns of molecules

    def refuse(self, field: str, error: LabError) -> None:
        self.verdict, self.field, self.message = Verdict.ERROR, field, str(error)

    @property
    def electrolyte_name(self) -> str:
        if self.recipe is not None:
            return electrolyte_name(self.recipe)
        return self.electrolyte.name if self.electrolyte else ""


@dataclass(slots=True)
class Plan:
    rows: list[PlannedRow]
    molecules: dict[str, materials.Constituent] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(row.verdict for row in self.rows)
        return {verdict.value: found[verdict] for verdict in Verdict if found[verdict]}

    @property
    def new_recipes(self) -> dict[str, Recipe]:
        """Electrolytes that would be defined, by digest."""
        recipes = (row.recipe for row in self.rows if row.verdict != Verdict.ERROR)
        return {self.digest(recipe): recipe for recipe in recipes if recipe}

    def digest(self, recipe: Recipe) -> str:
        return electrolyte_digest(recipe, materials.keys_of(self.molecules))

    @property
    def blocked(self) -> list[PlannedRow]:
        return [row for row in self.rows if row.verdict in (Verdict.ERROR, Verdict.CONFLICT)]

    @property
    def changes(self) -> int:
        return sum(row.verdict in (Verdict.NEW, Verdict.REPLACED) for row in self.rows)


def plan_registration(text: str, *, replace: bool = False) -> Plan:
    """What registering this table would do. Nothing is written.

    An empty value says nothing: of a new cell it leaves the part unknown, of a
    registered one it leaves the part as it is.
    """
    plan = Plan([PlannedRow(entry) for entry in read_entries(text)])
    _compose(plan.rows)
    _read_numbers(plan.rows)
    _find_dry_cells(plan.rows)
    _find_electrolytes(plan)
    _compare(plan.rows, replace)
    return plan


def register_table(text: str, *, replace: bool = False, by: Any = None) -> Plan:
    """Register the table, all of it or nothing; the same table again changes nothing."""
    try:
        with transaction.atomic():
            plan = plan_registration(text, replace=replace)
            if plan.blocked:
                first = plan.blocked[0]
                raise NotAllowed(
                    f"{len(plan.blocked)} of {len(plan.rows)} rows can not be registered; the "
                    f"first is line {first.entry.line}: {first.message}",
                    fix="Correct them and try again. Nothing was registered.",
                )
            _write(plan, by)
    except IntegrityError as error:
        raise NotAllowed(
            "Somebody registered one of these cells or electrolytes a moment ago.",
            fix="Look at the preview again. Nothing was registered.",
        ) from error
    return plan


def _compose(rows: Sequence[PlannedRow]) -> None:
    """Columns of molecules as one composition, in the notation of names."""
    headers = dict.fromkeys(header for row in rows for header, _ in row.entry.amounts)
    if not headers:
        return
    columns = {header: molecule_column(header) for header in headers}
    known = materials.molecules_named({column.name for column in columns.values()})
    unknown = [header for header, found in columns.items() if found.name.casefold() not in known]
    if unknown:
        raise bad_header(f"{', '.join(unknown)}, which is no registered molecule")
    for row in rows:
        if row.entry.amounts:
            _compose_one(row, columns, known)


def _compose_one(
    row: PlannedRow,
    columns: Mapping[str, MoleculeColumn],
    known: Mapping[str, materials.Constituent],
) -> None:
    parts = []
    for header, text in row.entry.amounts:
        column = columns[header]
        molecule = known[column.name.casefold()]
        blueprint = molecule.blueprint if isinstance(molecule, MoleculeLot) else molecule
        role = column.role or blueprint.default_role
        try:
            amount = _amount(text)
        except LabError as error:
            row.refuse(header, error)
            return
        if amount is None or amount != 0:
            parts.append(Component(molecule.name, role, amount, column.unit_in(role)))
    recipe = Recipe(tuple(parts))
    problems = problems_of(recipe) if parts else []
    if parts and row.entry.electrolyte:
        problems = [Problem("There are amounts and an electrolyte.", "Give one of the two.")]
    for problem in problems:
        row.refuse("electrolyte", LabError(problem.message, fix=problem.fix))
        return
    if parts:
        row.entry = dataclasses.replace(row.entry, electrolyte=electrolyte_name(recipe))
        row.is_composed = True


def _amount(text: str) -> Decimal | None:
    if text == "?":
        return None
    try:
        amount = Decimal(text.replace(",", ".").removesuffix("%").strip())
    except InvalidOperation as error:
        raise LabError(f"{text!r} is no amount.", fix="Give a number, or ?.") from error
    if not amount.is_finite() or amount < 0:
        raise LabError(f"The amount {text} is below 0.", fix="Give a number above 0, or ?.")
    return amount


def _read_numbers(rows: Sequence[PlannedRow]) -> None:
    first_line: dict[int, int] = {}
    for row in rows:
        row.notes = tidy(row.entry.notes)
        if row.verdict == Verdict.ERROR:
            continue
        text = row.entry.cell_id
        number = int(text) if text.isdecimal() and len(text) <= 10 else 0
        if not 1 <= number <= LARGEST_CELL_ID:
            found = repr(text) if text else "nothing"
            row.refuse("cell_id", LabError(f"Found {found}.", fix="Give a positive whole number."))
        elif number in first_line:
            line = first_line[number]
            row.refuse(
                "cell_id",
                LabError(f"Cell {number} is also in line {line}.", fix="Keep one of the two."),
            )
        elif len(row.notes) > 1000:
            row.refuse("notes", LabError("Longer than 1000 characters.", fix="Shorten them."))
        else:
            row.cell_id = first_line[number] = number
            first_line[number] = row.entry.line


def _find_dry_cells(rows: Sequence[PlannedRow]) -> None:
    cells = list(DryCell.objects.all())
    # What people wrote on a thing goes before the number the database gave another.
    known: dict[str, Body] = {str(cell.pk): cell for cell in cells}
    for cell in cells:
        known |= {cell.label.casefold(): cell, cell.name.casefold(): cell}
    for box in DryCellLot.objects.select_related("blueprint"):
        known |= {box.name.casefold(): box, box.box_id.casefold(): box}
    known.pop("", None)
    unknown: dict[str, LabError] = {}
    for row in rows:
        text = tidy(row.entry.dry_cell)
        if not text:
            continue
        row.dry_cell = known.get(text.casefold())
        if row.dry_cell is None and row.verdict != Verdict.ERROR:
            if text not in unknown:
                unknown[text] = _no_dry_cell(text, known, hint=len(unknown) < HINTS)
            row.refuse("dry_cell", unknown[text])


def _no_dry_cell(text: str, known: Mapping[str, Body], *, hint: bool) -> LabError:
    close = difflib.get_close_matches(text.casefold(), known, n=2) if hint else []
    names = " or ".join(str(known[name]) for name in close)
    fix = f"Did you mean {names}?" if close else "Define it first, under Materials."
    return LabError(f"There is no dry cell {text!r}.", fix=fix)


def _find_electrolytes(plan: Plan) -> None:
    """Fill in electrolytes by name, number, lot or notation."""
    texts = {tidy(row.entry.electrolyte) for row in plan.rows if row.entry.electrolyte}
    # Amounts say all there is; a name may hide notes that make it another electrolyte.
    amounts = {tidy(row.entry.electrolyte) for row in plan.rows if row.is_composed}
    found = _electrolytes(texts - amounts)
    read = {text: _parsed(text) for text in texts if text not in found}
    recipes = [recipe for recipe in read.values() if isinstance(recipe, Recipe)]
    names = {part.molecule for recipe in recipes for part in recipe.components}
    plan.molecules = materials.molecules_named(names)
    read = {text: _spelled(recipe, plan.molecules) for text, recipe in read.items()}
    digests = {
        text: plan.digest(recipe) for text, recipe in read.items() if isinstance(recipe, Recipe)
    }
    stored = _by("digest", digests.values())
    new = {
        name_digest(electrolyte_name(recipe)): text
        for text, recipe in read.items()
        if isinstance(recipe, Recipe) and digests[text] not in stored
    }
    for digest, other in _by("name_digest", new).items():
        clash = nodes.Clash(other, is_same=False)
        read[new[digest]] = clash.as_error("electrolyte")
    for row in plan.rows:
        text = tidy(row.entry.electrolyte)
        if not text or row.verdict == Verdict.ERROR:
            continue
        row.electrolyte = found.get(text) or stored.get(digests.get(text, ""))
        recipe = read.get(text)
        if isinstance(recipe, LabError):
            row.refuse("electrolyte", recipe)
        elif row.electrolyte is None:
            row.recipe = recipe


def _electrolytes(texts: Iterable[str]) -> dict[str, Filling]:
    """By name, by number, and lots by their name or label."""
    texts = list(texts)
    numbers = [int(text) for text in texts if text.isdecimal() and len(text) < 10]
    found: dict[str, Filling] = {str(key): row for key, row in _by("pk", numbers).items()}
    found |= materials.lots_labelled(texts)
    digests = {name_digest(text): text for text in texts}
    lots = ElectrolyteLot.objects.select_related("blueprint").filter(name_digest__in=digests)
    found |= {digests[lot.name_digest]: lot for lot in lots}
    by_name = _by("name_digest", digests)
    return found | {digests[digest]: row for digest, row in by_name.items()}


def _by(name: str, values: Iterable[Any]) -> dict[Any, Electrolyte]:
    found: dict[Any, Electrolyte] = {}
    values = list(dict.fromkeys(values))
    for start in range(0, len(values), BATCH):
        rows = Electrolyte.objects.filter(**{f"{name}__in": values[start : start + BATCH]})
        found |= {getattr(row, name): row for row in rows}
    return found


def _parsed(text: str) -> Recipe | LabError:
    try:
        if text.isdecimal():
            raise LabError(f"There is no electrolyte {text}.", fix="See the list under Materials.")
        return materials.as_recipe(text)
    except LabError as error:
        return error


def _spelled(
    recipe: Recipe | LabError, known: dict[str, materials.Constituent]
) -> Recipe | LabError:
    try:
        return materials.spelled(recipe, known) if isinstance(recipe, Recipe) else recipe
    except LabError as error:
        return error


def _compare(rows: Sequence[PlannedRow], replace: bool) -> None:
    numbers = [row.cell_id for row in rows if row.verdict != Verdict.ERROR]
    existing: dict[int, WetCell] = {}
    for start in range(0, len(numbers), BATCH):
        batch = WetCell.objects.filter(cell_id__in=numbers[start : start + BATCH])
        batch = batch.with_names()
        existing |= {cell.cell_id: cell for cell in batch}
    for row in rows:
        if row.verdict != Verdict.ERROR and row.cell_id in existing:
            row.existing = existing[row.cell_id]
            _compare_one(row, row.existing, replace)


def _compare_one(row: PlannedRow, cell: WetCell, replace: bool) -> None:
    differences: list[tuple[str, object]] = []
    if row.recipe is not None or (row.electrolyte and row.electrolyte != cell.filling):
        differences.append(("electrolyte", cell.filling))
    if row.dry_cell and row.dry_cell != cell.body:
        differences.append(("dry_cell", cell.body))
    if row.notes and row.notes != cell.notes:
        differences.append(("notes", cell.notes))
    if not differences:
        row.verdict = Verdict.SAME
        return
    row.field = differences[0][0]
    words = "; ".join(f"{name} is {value or 'unknown'}" for name, value in differences)
    row.verdict = Verdict.REPLACED if replace else Verdict.CONFLICT
    row.message = f"Registered already: {words}."
    if not replace:
        row.message += " Leave the row out, or choose to replace."


def _write(plan: Plan, by: Any) -> None:
    recipes = plan.new_recipes
    made = materials.create_electrolytes(list(recipes.values()), plan.molecules, by)
    defined = {electrolyte.digest: electrolyte for electrolyte in made}
    new, replaced = [], []
    for row in plan.rows:
        if row.recipe is not None:
            row.electrolyte = defined[plan.digest(row.recipe)]
        if row.verdict == Verdict.NEW:
            fields = parts_of(row.electrolyte, row.dry_cell)
            new.append(WetCell(cell_id=row.cell_id, notes=row.notes, **fields))
        elif row.verdict == Verdict.REPLACED and row.existing is not None:
            cell = row.existing
            fields = parts_of(row.electrolyte or cell.filling, row.dry_cell or cell.body)
            for name, value in (fields | {"notes": row.notes or cell.notes}).items():
                setattr(cell, name, value)
            replaced.append(cell)
    bulk_create_with_history(new, WetCell, batch_size=BATCH, default_user=by)
    names = ["electrolyte", "electrolyte_lot", "dry_cell", "dry_cell_lot", "notes"]
    bulk_update_with_history(replaced, WetCell, names, batch_size=BATCH, default_user=by)
