"""The search tree of the thesis as values: what is searched for, and based on what.

Thesis 5.3.4, 5.4.2, Figure 5.7, Tables 5 and 9. A ``SearchTree`` is a question; the
QuerySets of ``cells.models`` answer it. An input that is left as it comes is *trivial*:
it lets everything pass, also what is unknown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from enum import StrEnum

from battery_db.lib.errors import LabError
from cells.amounts import plain
from cells.compositions import ADDITIVE, MOLAL, MOLAR, SALT, SOLVENT, WEIGHT_PERCENT
from cells.kinds import KINDS

ROLES = (SALT, SOLVENT, ADDITIVE)
UNITS = (WEIGHT_PERCENT, MOLAL, MOLAR)
DEFAULT_TOLERANCE_PERCENT = Decimal(5)
MOST_ROWS = 50
MOST_CHOICES = 100


class Node(StrEnum):
    """What can be searched for: the round nodes of Figure 5.7."""

    CELLS = "cells"
    CYCLING = "cycling"
    ELECTROLYTES = "electrolytes"
    DRY_CELLS = "dry-cells"
    BOXES = "boxes"


class Among(StrEnum):
    """Which of them count (Table 9): all, or those that a search for a parent leads to."""

    ALL = "all"
    CELLS = "cells"
    CYCLING = "cycling"


class Need(StrEnum):
    MANDATORY = "mandatory"
    ALLOWED = "allowed"
    PROHIBITED = "prohibited"


@dataclass(frozen=True, slots=True)
class Choice:
    """A blueprint, which stands for all its lots, or one lot of it.

    Without a ``key`` the blueprint is meant that has this name.
    """

    name: str
    key: int | None = None
    lot: int | None = None


@dataclass(frozen=True, slots=True)
class MoleculeRow:
    """One row of the electrolyte search. ``role`` and ``unit`` are empty where any will do.

    An amount of an unknown size in an electrolyte lies within no limits.
    """

    molecule: Choice
    need: Need = Need.MANDATORY
    amount: Decimal | None = None
    tolerance: Decimal | None = None  # in the unit; None: the relative one of the search
    role: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        name = self.molecule.name
        if self.amount is not None and self.amount < 0:
            raise LabError(f"{name}: {self.amount} is no amount.", fix="Give 0 or more.")
        check_tolerance(self.tolerance, name)
        if self.amount is None and self.tolerance is not None:
            raise LabError(f"{name} has a tolerance without an amount.", fix="Give the amount too.")
        if self.amount is not None and self.need != Need.MANDATORY:
            raise LabError(
                f"{name} is {self.need}, and an amount would change nothing.",
                fix="Leave the amount empty, or make the row mandatory.",
            )

    def limits(self, relative_percent: Decimal) -> tuple[Decimal, Decimal] | None:
        """Inclusive limits of the amount, or None when any amount will do."""
        return _limits(self.amount, self.tolerance, relative_percent)


@dataclass(frozen=True, slots=True)
class ElectrolyteSearch:
    """The electrolyte substructure. ``complete`` are roles of which only the mandatory and
    allowed molecules may be there.
    """

    rows: tuple[MoleculeRow, ...] = ()
    complete: tuple[str, ...] = ()
    tolerance_percent: Decimal = DEFAULT_TOLERANCE_PERCENT
    proprietary: bool | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tolerance(self.tolerance_percent, "The relative tolerance")

    @property
    def is_trivial(self) -> bool:
        return not (self.rows or self.complete or self.notes) and self.proprietary is None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number of a dry cell or of one of its parts, which may be unknown.

    ``part`` is the field of the dry cell that leads to it, empty for the dry cell itself.
    """

    part: str
    field: str
    label: str
    unit: str


_PARTS = (
    ("cathode", "electrode"),
    ("anode", "electrode"),
    ("separator", "separator"),
    ("geometry", "cell-geometry"),
    ("", "dry-cell"),
)
SCALARS: Mapping[str, Scalar] = {
    "_".join(filter(None, (part, found.field))): Scalar(
        part, found.field, f"{part} {found.label}".strip(), found.unit
    )
    for part, kind in _PARTS
    for found in KINDS[kind].attributes
    if found.type == "number"
}


@dataclass(frozen=True, slots=True)
class ScalarLimit:
    """``value`` within a tolerance; what is unknown passes unless it ``must_be_known``."""

    name: str
    value: Decimal | None = None
    tolerance: Decimal | None = None
    must_be_known: bool = False

    def __post_init__(self) -> None:
        label = SCALARS[self.name].label
        check_tolerance(self.tolerance, label)
        if self.value is None and self.tolerance is not None:
            raise LabError(f"{label} has a tolerance without a value.", fix="Give the value too.")

    def limits(self, relative_percent: Decimal) -> tuple[Decimal, Decimal] | None:
        return _limits(self.value, self.tolerance, relative_percent)


@dataclass(frozen=True, slots=True)
class PartChoices:
    """Which cathodes, anodes or separators will do; none chosen: any."""

    choices: tuple[Choice, ...] = ()
    must_be_known: bool = False

    @property
    def is_trivial(self) -> bool:
        return not self.choices and not self.must_be_known


ANY_PART = PartChoices()


@dataclass(frozen=True, slots=True)
class DryCellSearch:
    """Boxes and the dry cell substructure. One of ``boxes`` will do; ``*`` in a Box ID
    stands for anything. A box that nobody registered finds nothing.
    """

    boxes: tuple[str, ...] = ()
    notes: str = ""
    proprietary: bool | None = None
    tolerance_percent: Decimal = DEFAULT_TOLERANCE_PERCENT
    categories: tuple[str, ...] = ()
    category_must_be_known: bool = False
    cathode: PartChoices = ANY_PART
    anode: PartChoices = ANY_PART
    separator: PartChoices = ANY_PART
    scalars: tuple[ScalarLimit, ...] = ()

    def __post_init__(self) -> None:
        check_tolerance(self.tolerance_percent, "The relative tolerance of dry cells")

    @property
    def structure_is_trivial(self) -> bool:
        parts = (self.cathode, self.anode, self.separator)
        return (
            not (self.notes or self.categories or self.category_must_be_known or self.scalars)
            and self.proprietary is None
            and all(part.is_trivial for part in parts)
        )

    @property
    def is_trivial(self) -> bool:
        return self.structure_is_trivial and not self.boxes


@dataclass(frozen=True, slots=True)
class Span:
    """``minimum <= value <= maximum``; either end may be open."""

    minimum: float | date | None = None
    maximum: float | date | None = None

    @property
    def is_open(self) -> bool:
        return self.minimum is None and self.maximum is None


OPEN = Span()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What one file of valid cycling data has to say of itself, all of it at once."""

    operator: str = ""
    upper_cutoff_voltage: Span = OPEN
    temperature_celsius: Span = OPEN
    date: Span = OPEN
    file_words: tuple[str, ...] = ()
    folder_words: tuple[str, ...] = ()

    @property
    def is_trivial(self) -> bool:
        return all(getattr(self, each.name) in ("", OPEN, ()) for each in fields(self))


@dataclass(frozen=True, slots=True)
class SearchTree:
    """All inputs hold together, as far as ``node`` and ``among`` let them count."""

    node: Node = Node.CELLS
    among: Among = Among.ALL
    electrolyte: ElectrolyteSearch = field(default_factory=ElectrolyteSearch)
    dry_cell: DryCellSearch = field(default_factory=DryCellSearch)
    id_ranges: tuple[tuple[int, int], ...] = ()
    datasets: tuple[str, ...] = ()  # slugs; one of them will do
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def is_powerful(self) -> bool:
        """Projected from a search for a parent node."""
        if self.node == Node.CELLS:
            return self.among == Among.CYCLING
        return self.node != Node.CYCLING and self.among != Among.ALL

    @property
    def asks_cells(self) -> bool:
        """Wet cells play a part in the answer."""
        return self.node in (Node.CELLS, Node.CYCLING) or self.among != Among.ALL

    @property
    def asks_files(self) -> bool:
        """Valid cycling data plays a part in the answer."""
        return self.node == Node.CYCLING or self.among == Among.CYCLING

    def unused(self) -> list[str]:
        """Inputs that were given and do not count for this kind of search, in words."""
        given = {
            "the electrolyte": self.node in (Node.DRY_CELLS, Node.BOXES)
            and not self.asks_cells
            and not self.electrolyte.is_trivial,
            "the dry cell": self.node == Node.ELECTROLYTES
            and not self.asks_cells
            and not self.dry_cell.is_trivial,
            "Cell IDs": not self.asks_cells and bool(self.id_ranges),
            "datasets": not self.asks_cells and bool(self.datasets),
            "conditions and names of files": not self.asks_files and not self.conditions.is_trivial,
        }
        return [words for words, is_unused in given.items() if is_unused]


def check_tolerance(tolerance: Decimal | None, what: str) -> None:
    if tolerance is not None and tolerance < 0:
        raise LabError(f"{what}: a tolerance of {tolerance} is negative.", fix="Give 0 or more.")


def _limits(
    amount: Decimal | None, tolerance: Decimal | None, relative_percent: Decimal
) -> tuple[Decimal, Decimal] | None:
    if amount is None:
        return None
    width = abs(amount) * relative_percent / 100 if tolerance is None else tolerance
    return amount - width, amount + width


# In words -----------------------------------------------------------------------

_WHAT = {
    Node.CELLS: "Wet cells",
    Node.CYCLING: "Valid cycling data",
    Node.ELECTROLYTES: "Electrolytes",
    Node.DRY_CELLS: "Dry cells",
    Node.BOXES: "Boxes",
}


def title_of(tree: SearchTree) -> str:
    """What is searched for: ``Electrolytes of wet cells with valid cycling data``."""
    if not tree.is_powerful:
        return _WHAT[tree.node]
    if tree.node == Node.CELLS:
        return "Wet cells with valid cycling data"
    data = " with valid cycling data" if tree.among == Among.CYCLING else ""
    return f"{_WHAT[tree.node]} of wet cells{data}"


def tree_in_words(tree: SearchTree) -> list[str]:
    """What counts in the answer, one phrase for each condition."""
    asked: list[str] = []
    if tree.asks_cells or tree.node == Node.ELECTROLYTES:
        asked += _electrolyte_words(tree.electrolyte)
    if tree.asks_cells or tree.node in (Node.DRY_CELLS, Node.BOXES):
        asked += _dry_cell_words(tree.dry_cell)
    if tree.asks_cells:
        ids = (f"{low}" if low == high else f"{low}–{high}" for low, high in tree.id_ranges)
        asked += [f"Cell ID {', '.join(ids)}"] if tree.id_ranges else []
        asked += [f"in dataset {' or '.join(tree.datasets)}"] if tree.datasets else []
    return [*asked, *_condition_words(tree.conditions)] if tree.asks_files else asked


def _electrolyte_words(search: ElectrolyteSearch) -> Iterable[str]:
    for row in search.rows:
        role = f" as {row.role}" if row.role else ""
        limits = row.limits(search.tolerance_percent)
        verb = {Need.MANDATORY: "with", Need.ALLOWED: "perhaps", Need.PROHIBITED: "without"}
        words = f"{verb[row.need]} {row.molecule.name}{role}"
        yield words if limits is None else f"{words}, {_between(limits)} {row.unit}".rstrip()
    for role in search.complete:
        yield f"no other {role}"
    yield from _common_words("electrolyte", search.proprietary, search.notes)


def _dry_cell_words(search: DryCellSearch) -> Iterable[str]:
    if search.boxes:
        yield f"box {' or '.join(search.boxes)}"
    if search.categories or search.category_must_be_known:
        yield _choice_words("geometry", search.categories, search.category_must_be_known)
    for part in ("cathode", "anode", "separator"):
        chosen: PartChoices = getattr(search, part)
        if not chosen.is_trivial:
            names = [choice.name for choice in chosen.choices]
            yield _choice_words(part, names, chosen.must_be_known)
    for limit in search.scalars:
        scalar, limits = SCALARS[limit.name], limit.limits(search.tolerance_percent)
        known = "" if limit.must_be_known else " or unknown"
        size = "known" if limits is None else f"{_between(limits)} {scalar.unit}{known}"
        yield f"{scalar.label} {size}"
    notes = (search.notes,) if search.notes else ()
    yield from _common_words("dry cell", search.proprietary, notes)


def _choice_words(what: str, names: Iterable[str], must_be_known: bool) -> str:
    chosen = " or ".join(names)
    if not chosen:
        return f"{what} known"
    return f"{what} {chosen}" if must_be_known else f"{what} {chosen} or unknown"


def _common_words(what: str, proprietary: bool | None, notes: Iterable[str]) -> Iterable[str]:
    if proprietary is not None:
        yield f"{what} {'proprietary' if proprietary else 'not proprietary'}"
    for words in notes:
        yield f"“{words}” in the notes of the {what}"


def _condition_words(conditions: Conditions) -> Iterable[str]:
    if conditions.operator:
        yield f"char ID {conditions.operator}"
    for name, label, unit in (
        ("upper_cutoff_voltage", "upper cut-off", " V"),
        ("temperature_celsius", "temperature", " °C"),
        ("date", "date", ""),
    ):
        span: Span = getattr(conditions, name)
        if not span.is_open:
            yield f"{label} {_span_words(span)}{unit}"
    for word in conditions.file_words:
        yield f"“{word}” in the file name"
    for word in conditions.folder_words:
        yield f"“{word}” in the folder"


def _span_words(span: Span) -> str:
    if span.minimum is None:
        return f"at most {span.maximum}"
    if span.maximum is None:
        return f"at least {span.minimum}"
    return (
        f"{span.minimum}" if span.minimum == span.maximum else f"{span.minimum} to {span.maximum}"
    )


def _between(limits: tuple[Decimal, Decimal]) -> str:
    low, high = (plain(round(limit, 6)) for limit in limits)
    return low if low == high else f"{low} to {high}"
