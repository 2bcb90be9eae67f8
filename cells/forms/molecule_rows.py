"""The rows of the electrolyte search, as they stand in an address."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict

from battery_db.lib.errors import LabError
from cells.models import MoleculeLot
from cells.search_tree import MOST_ROWS, ROLES, UNITS, Choice, MoleculeRow, Need

ROW_FIELDS = ("molecule", "need", "amount", "unit", "row_tolerance", "role")
LARGEST = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class RowText:
    """One row as it was typed, for the page."""

    molecule: str = ""
    need: str = Need.MANDATORY
    amount: str = ""
    unit: str = ""
    row_tolerance: str = ""
    role: str = ""
    error: str = ""


def row_texts(asked: QueryDict) -> list[RowText]:
    """Rows that say something; LabError where the lists do not fit each other."""
    lists = {name: asked.getlist(name) for name in ROW_FIELDS}
    length = len(lists["molecule"])
    for name, given in lists.items():
        if given and len(given) != length:
            raise LabError(
                f"There are {length} molecules and {len(given)} of {name!r}.",
                fix=f"Give one {name!r} for each molecule, in the same order, or none.",
            )
        if not given:
            lists[name] = [asdict(RowText())[name]] * length
    rows = [
        RowText(**{name: lists[name][at].strip() for name in ROW_FIELDS}) for at in range(length)
    ]
    rows = [row for row in rows if row.molecule or row.amount or row.row_tolerance]
    if len(rows) > MOST_ROWS:
        raise LabError(f"The search has {len(rows)} molecules.", fix=f"Use at most {MOST_ROWS}.")
    return rows


def read_row(text: RowText, known: Mapping[str, Any]) -> MoleculeRow:
    if not text.molecule:
        raise LabError("It has an amount and no molecule.", fix="Choose the molecule.")
    found = known.get(text.molecule.casefold())
    if found is None:
        raise LabError(
            f"{text.molecule!r} is no registered molecule or molecule lot.",
            fix="Choose from the list.",
        )
    is_lot = isinstance(found, MoleculeLot)
    return MoleculeRow(
        Choice(
            found.name, found.blueprint_id if is_lot else found.pk, found.pk if is_lot else None
        ),
        Need(_one_of(text.need or Need.MANDATORY, tuple(Need), "need")),
        _decimal(text.amount, "amount"),
        _decimal(text.row_tolerance, "tolerance"),
        _one_of(text.role, ("", *ROLES), "role"),
        _one_of(text.unit, ("", *UNITS), "unit"),
    )


def _one_of(text: str, known: Sequence[str], what: str) -> str:
    if text not in known:
        words = ", ".join(word for word in known if word)
        raise LabError(f"There is no {what} {text!r}.", fix=f"Use one of {words}.")
    return text


def _decimal(text: str, what: str) -> Decimal | None:
    if not text:
        return None
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > LARGEST:
        raise LabError(f"{text!r} is no {what}.", fix="Give a number such as 2 or 0.5.")
    return number
