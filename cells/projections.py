"""Names and digests of electrolytes and wet cells.

``cells.compositions.parse_electrolyte`` reads every name back, so two recipes that show
different things can not have one name: a function with an inverse is injective.
``cells.naming`` does the same for every other kind of node.
"""

import re
from collections.abc import Iterable, Mapping

from cells.amounts import plain
from cells.compositions import (
    ADDITIVE,
    MOLAL,
    MOLAR,
    SALT,
    SOLVENT,
    WEIGHT_PERCENT,
    Component,
    Recipe,
)
from cells.kinds import NOTES, PROPRIETARY
from cells.naming import digest_of, escape_notes, is_balanced, quote

_UNIT_SIGNS = {WEIGHT_PERCENT: "%", MOLAL: "m", MOLAR: "M"}
# A solvent without its amount must not look as if it had one, or were notes.
_STANDS_ALONE = re.compile(r"[^\W\d_].*")
_PLAIN_NAME = re.compile(r"(?!ol/)[\w,.'’/\-–()\[\]]+")


def electrolyte_name(recipe: Recipe) -> str:
    """The name as in the thesis figures: larger amounts first, unknown ones last.

    >>> from cells.compositions import parse_electrolyte
    >>> electrolyte_name(parse_electrolyte("30%EC+70%DMC+1.20mLiPF6+additives:(1%DTD+2%VC)"))
    '70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC+1%DTD)'
    """
    groups = [_group(recipe, role) for role in (SOLVENT, SALT, ADDITIVE)]
    if groups[2]:
        groups[2] = f"ADDITIVES:({groups[2]})"
    pieces = [" + ".join(group for group in groups if group)]
    if recipe.notes and NOTES in recipe.shown:
        pieces.append(f"({escape_notes(recipe.notes)})")
    if recipe.proprietary and PROPRIETARY in recipe.shown:
        pieces.append("[proprietary]")
    return " ".join(piece for piece in pieces if piece)


def electrolyte_digest(recipe: Recipe, keys: Mapping[str, str] | None = None) -> str:
    """SHA-256 of the exact content, whatever the order it was entered in.

    ``keys`` gives the identity of each molecule or molecule lot by case-folded name, so
    that a digest outlives a change of name.
    """
    components = sorted(
        [
            keys[part.molecule.casefold()] if keys else part.molecule,
            part.role,
            plain(part.amount),
            part.unit,
        ]
        for part in recipe.components
    )
    return digest_of(
        {"components": components, "notes": recipe.notes, "proprietary": recipe.proprietary}
    )


def wet_cell_label(cell_id: int, electrolyte: str | None, dry_cell: str | None) -> str:
    """One line that says what a wet cell is; ``?`` for a part that is unknown."""
    return f"Cell {cell_id}: {dry_cell or '?'} with {electrolyte or '?'}"


def _group(recipe: Recipe, role: str) -> str:
    parts = [part for part in recipe.components if part.role == role]
    if role == SOLVENT and len(parts) == 1 and parts[0].amount == 100:
        name = quoted(parts[0].molecule)
        return name if _STANDS_ALONE.fullmatch(name) else _in_quotes(name)
    return "+".join(_term(part) for part in _falling(parts))


def _falling(parts: Iterable[Component]) -> list[Component]:
    return sorted(
        parts,
        key=lambda part: (
            part.amount is None,
            -part.amount if part.amount is not None else 0,
            part.unit,
            part.molecule,
        ),
    )


def _term(part: Component) -> str:
    return f"{plain(part.amount)}{_UNIT_SIGNS[part.unit]}{quoted(part.molecule)}"


def quoted(name: str) -> str:
    """``name`` as it stands in a composition: in quotes when it holds a separator."""
    return name if _PLAIN_NAME.fullmatch(name) and is_balanced(name) else quote(name)


def _in_quotes(name: str) -> str:
    return name if name.startswith('"') else quote(name)
