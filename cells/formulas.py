"""Chemical formulas of active materials: ``Ni0.5Mn0.3Co0.2O2``."""

import re
from collections.abc import Iterable

from battery_db.lib.errors import LabError
from cells.elements import ELEMENTS

_ATOM = re.compile(r"([A-Z][a-z]?)(\?|[0-9]*\.?[0-9]*)")


def read_formula(text: str) -> list[tuple[str, str | None]]:
    """Atoms and how many of each, as written; None where it says ``?``.

    >>> read_formula("LiNi0.8Co?O2")
    [('Li', '1'), ('Ni', '0.8'), ('Co', None), ('O', '2')]

    Raises LabError for anything that is no plain formula, or an element there twice.
    """
    text = "".join(text.split())
    found = _ATOM.findall(text)
    if "".join(symbol + amount for symbol, amount in found) != text:
        raise LabError(f"{text!r} is no formula.", fix="Write for example LiNi0.8Mn0.1Co0.1O2.")
    symbols = [symbol for symbol, _ in found]
    for symbol in symbols:
        if symbol not in ELEMENTS or symbols.count(symbol) > 1:
            wrong = "there twice" if symbol in ELEMENTS else "no element"
            raise LabError(f"{symbol} in {text} is {wrong}.", fix="Correct the formula.")
    return [(symbol, None if amount == "?" else amount or "1") for symbol, amount in found]


def formula_of(atoms: Iterable[tuple[str, str | None]]) -> str:
    """The formula that ``read_formula`` reads back."""
    counts = {None: "?", "1": ""}
    return "".join(symbol + counts.get(amount, amount or "") for symbol, amount in atoms)
