"""Names and digests of what the registry holds.

``cells.compositions.parse_electrolyte`` reads every name back, so two different
recipes can not have one name: a function with an inverse is injective. Both are text
of exact content; the database holds each once.
"""

import hashlib
import json
import re
from collections.abc import Iterable

from cells.compositions import (
    ADDITIVE,
    MOLAL,
    MOLAR,
    SALT,
    SOLVENT,
    WEIGHT_PERCENT,
    Component,
    Recipe,
    plain,
)

# Databases index at most about 2700 bytes of a text.
NAME_CHARACTERS = 1000
NAME_BYTES = 2400

_UNIT_SIGNS = {WEIGHT_PERCENT: "%", MOLAL: "m", MOLAR: "M"}
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
    if recipe.notes:
        pieces.append(f"({_escape_notes(recipe.notes)})")
    if recipe.proprietary:
        pieces.append("[proprietary]")
    return " ".join(piece for piece in pieces if piece)


def electrolyte_digest(recipe: Recipe) -> str:
    """SHA-256 of the exact content, whatever the order it was entered in."""
    components = sorted(
        [part.molecule, part.role, plain(part.amount), part.unit] for part in recipe.components
    )
    content = {
        "components": components,
        "notes": recipe.notes,
        "proprietary": recipe.proprietary,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def fits(name: str) -> bool:
    """True when every supported database can keep ``name`` unique."""
    return len(name) <= NAME_CHARACTERS and len(name.encode()) <= NAME_BYTES


def wet_cell_label(cell_id: int, electrolyte: str | None, dry_cell: str | None) -> str:
    """One line that says what a wet cell is; ``?`` for a part that is unknown."""
    return f"Cell {cell_id}: {dry_cell or '?'} with {electrolyte or '?'}"


def _group(recipe: Recipe, role: str) -> str:
    parts = [part for part in recipe.components if part.role == role]
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
    if _PLAIN_NAME.fullmatch(name) and _balanced(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _escape_notes(notes: str) -> str:
    special = r"(\\)" if _balanced(notes) else r"([\\()])"
    return re.sub(special, r"\\\1", notes)


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
