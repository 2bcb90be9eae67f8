"""What people ask of the registry, as values: one search box, and terms for molecules.

Reading a question is separate from answering it: ``WetCell.objects.matching`` turns
a ``CellQuery`` into SQL. Pages, shareable addresses and the API all speak in these
values.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from battery_db.lib.errors import LabError
from battery_db.lib.ranges import parse_ranges
from cells.amounts import plain
from cells.compositions import MOLAL, MOLAR, WEIGHT_PERCENT
from cells.search_tree import (
    DEFAULT_TOLERANCE_PERCENT,
    Choice,
    ElectrolyteSearch,
    MoleculeRow,
    Need,
)

# Beyond these a database refuses the statement.
MOST_RANGES = 200
MOST_SINGLE_IDS = 10_000
LARGEST_ID = 2_147_483_647

_SIGNS = {WEIGHT_PERCENT: "%", MOLAL: "m", MOLAR: "M"}
_UNITS = {"%": WEIGHT_PERCENT, "m": MOLAL, "M": MOLAR}
_IDS = re.compile(r"\d{1,9}(?:(?:-|–|\.\.)\d{1,9})?(?:,\d{1,9}(?:(?:-|–|\.\.)\d{1,9})?)*,?")
_AMOUNT = re.compile(
    r"(?:(?P<amount>[0-9]+(?:\.[0-9]+)?)(?P<unit>%|m|M))(?P<name>.+?)"
    r"(?:(?:±|\+-|\+/-)(?P<tolerance>[0-9]+(?:\.[0-9]+)?))?"
)
_TOKEN = re.compile(r'(?P<sign>[-!]?)"(?P<quoted>[^"]*)"|(?P<bare>[^\s;]+)')
_SPACED_RANGE = re.compile(r"(?<=\d)\s*(-|–|\.\.)\s+(?=\d)|(?<=\d)\s+(-|–|\.\.)(?=\d)")


@dataclass(frozen=True, slots=True)
class Term:
    """A molecule that must be there, perhaps in an amount; the role does not matter."""

    molecule: str
    amount: Decimal | None = None
    unit: str = ""
    tolerance: Decimal | None = None  # in the unit; None: the relative one of the query

    def limits(self, relative_percent: Decimal) -> tuple[Decimal, Decimal] | None:
        """Inclusive limits of the amount, or None when any amount will do."""
        if self.amount is None:
            return None
        width = self.tolerance
        if width is None:
            width = self.amount * relative_percent / 100
        return self.amount - width, self.amount + width

    def as_row(self) -> MoleculeRow:
        """The same as a mandatory row of the search tree."""
        return MoleculeRow(
            Choice(self.molecule), amount=self.amount, tolerance=self.tolerance, unit=self.unit
        )

    def __str__(self) -> str:
        if self.amount is None:
            return self.molecule
        width = "" if self.tolerance is None else f"±{plain(self.tolerance)}"
        return f"{plain(self.amount)}{_SIGNS[self.unit]}{self.molecule}{width}"


@dataclass(frozen=True, slots=True)
class CellQuery:
    """All conditions hold together; an empty query is every cell."""

    id_ranges: tuple[tuple[int, int], ...] = ()
    contains: tuple[Term, ...] = ()
    without: tuple[str, ...] = ()
    tolerance_percent: Decimal = DEFAULT_TOLERANCE_PERCENT
    words: tuple[str, ...] = ()  # each in a file name, dry cell, notes or dataset
    file_words: tuple[str, ...] = ()  # each in the name of one file of the cell
    dry_cell: int | None = None
    electrolyte: int | None = None
    dataset: str = ""
    has_files: bool | None = None

    @property
    def electrolyte_search(self) -> ElectrolyteSearch:
        """What is asked of the electrolyte, as the search tree asks it."""
        rows = [term.as_row() for term in self.contains]
        rows += [MoleculeRow(Choice(name), Need.PROHIBITED) for name in self.without]
        return ElectrolyteSearch(tuple(rows), tolerance_percent=self.tolerance_percent)

    @property
    def cell_ids(self) -> list[int]:
        """The numbers asked for one by one or in short ranges, at most a thousand."""
        few = [(first, last) for first, last in self.id_ranges if last - first < 1000]
        return [number for first, last in few for number in range(first, last + 1)][:1000]


@dataclass(frozen=True, slots=True)
class BoxText:
    """What the one search box was understood to say."""

    id_ranges: tuple[tuple[int, int], ...]
    contains: tuple[Term, ...]
    without: tuple[str, ...]
    words: tuple[str, ...]


def read_box(text: str, molecules: Mapping[str, str]) -> BoxText:
    """Read the search box: Cell IDs and ranges, molecules, and words for all else.

    ``molecules`` maps case-folded names to the registered ones. ``-VC`` or ``!VC`` means
    without VC; quotes make a word of anything.

    >>> box = read_box('10001-10010 ec -VC "rate map"', {"ec": "EC", "vc": "VC"})
    >>> box.id_ranges, str(box.contains[0]), box.without, box.words
    (((10001, 10010),), 'EC', ('VC',), ('rate map',))
    """
    ids: list[str] = []
    contains: list[Term] = []
    without: list[str] = []
    words: list[str] = []
    for sign, token, is_quoted in _tokens(text, molecules):
        term = read_term(token, molecules)
        if not is_quoted and not sign and _IDS.fullmatch(token):
            ids.append(token)
        elif term is not None and sign:
            without.append(term.molecule)
        elif term is not None:
            contains.append(term)
        elif sign + token:
            words.append(sign + token)
    return BoxText(
        read_ids(",".join(ids)), tuple(contains), tuple(dict.fromkeys(without)), tuple(words)
    )


def read_terms(text: str, molecules: Mapping[str, str]) -> tuple[Term, ...]:
    """Molecules as listed in a form field; LabError for one that is not registered."""
    terms = []
    for sign, token, _ in _tokens(text, molecules):
        term = read_term(token, molecules)
        if term is None or sign:
            raise LabError(
                f"{sign + token!r} is not a registered molecule.",
                fix="Write names such as EC, or amounts such as 2%VC±0.5.",
            )
        terms.append(term)
    return tuple(terms)


def read_term(text: str, molecules: Mapping[str, str]) -> Term | None:
    """``VC``, ``2%VC`` or ``2%VC±0.5``; None when that is no registered molecule."""
    name = molecules.get(text.casefold())
    if name is not None:
        return Term(name)
    match = _AMOUNT.fullmatch(text)
    name = molecules.get(match["name"].casefold()) if match else None
    if match is None or name is None:
        return None
    tolerance = Decimal(match["tolerance"]) if match["tolerance"] else None
    return Term(name, Decimal(match["amount"]), _UNITS[match["unit"]], tolerance)


def read_ids(text: str) -> tuple[tuple[int, int], ...]:
    """``10001-10010, 10020`` as inclusive ranges, not expanded, in the order given."""
    ranges = []
    for part in re.split(r"[,;\s]+", _SPACED_RANGE.sub("-", text).strip(" ,;")):
        if not part:
            continue
        ends = [end for end in re.split(r"-|–|\.\.", part) if end]
        if len(ends) == 2 and all(end.isdecimal() and len(end) < 10 for end in ends):
            first, last = int(ends[0]), int(ends[1])
            if first <= last:
                ranges.append((first, last))
                continue
        # One number, or an error in the words people know from everywhere else.
        number = parse_ranges(part)[0]
        ranges.append((number, number))
    singles = sum(first == last for first, last in ranges)
    if singles > MOST_SINGLE_IDS or len(ranges) - singles > MOST_RANGES:
        raise LabError(
            f"The search names {len(ranges):,} ranges and numbers.",
            fix=f"Use at most {MOST_RANGES} ranges and {MOST_SINGLE_IDS:,} single numbers.",
        )
    return tuple(ranges)


def in_words(query: CellQuery) -> list[str]:
    """What the query asks, for the line above its results."""
    ids = ", ".join(
        str(first) if first == last else f"{first}–{last}" for first, last in query.id_ranges
    )
    asked = [f"Cell ID {ids}"] if ids else []
    asked += [f"contains {_with_limits(term, query)}" for term in query.contains]
    asked += [f"without {name}" for name in query.without]
    asked += [f"“{word}” in file name, dry cell, notes or dataset" for word in query.words]
    asked += [f"file name contains “{word}”" for word in query.file_words]
    if query.has_files is not None:
        asked.append("has files" if query.has_files else "has no files")
    return asked


def _with_limits(term: Term, query: CellQuery) -> str:
    limits = term.limits(query.tolerance_percent)
    if limits is None:
        return term.molecule
    low, high = (plain(round(limit, 6)) for limit in limits)
    return f"{term.molecule}, {low} to {high} {term.unit}"


def _tokens(text: str, molecules: Mapping[str, str]) -> Iterable[tuple[str, str, bool]]:
    """(sign, token, was quoted) of each word.

    A comma ends a word, unless the whole is a molecule (1,3-PS) or a list of numbers.
    """
    for match in _TOKEN.finditer(_SPACED_RANGE.sub("-", text)):
        if match["quoted"] is not None:
            yield match["sign"], match["quoted"], True
            continue
        token = match["bare"].strip(",")
        whole = _IDS.fullmatch(token) or read_term(token.lstrip("-!"), molecules)
        for piece in [token] if whole else token.split(","):
            negative = piece[:1] in ("-", "!") and len(piece) > 1
            if piece:
                yield (piece[0], piece[1:], False) if negative else ("", piece, False)
