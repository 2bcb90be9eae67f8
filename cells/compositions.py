"""What an electrolyte is made of, as people write it and as exact amounts.

The notation is that of the thesis figures::

    70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC+1%DTD) (notes) [proprietary]

``%`` is weight percent (of the solvents, or for additives of the whole), ``m`` molal
(mol per kg of solvent), ``M`` molar (mol per litre), ``?`` an unknown amount. A name
that holds a separator is quoted: ``5%"butyl (n) sulfone"``. Amounts stay the exact
decimals that were written; nothing is rescaled here, ``problems_of`` only says what
would have to be.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from battery_db.lib.errors import LabError
from cells.amounts import DECIMAL_PLACES, places_of, plain, rounding_of, shares_of_100

SOLVENT, SALT, ADDITIVE = "solvent", "salt", "additive"
WEIGHT_PERCENT, MOLAL, MOLAR = "wt%", "mol/kg", "mol/L"
UNITS_OF_ROLE = {
    SOLVENT: (WEIGHT_PERCENT,),
    SALT: (MOLAL, MOLAR),
    ADDITIVE: (WEIGHT_PERCENT,),
}
LARGEST_AMOUNT = Decimal(1000)
# Characters that nobody sees: controls, and marks that join, split or turn text around.
HIDDEN = ("Cc", "Cf")

_TERM = re.compile(
    r"(?P<amount>\?|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*"
    r"(?P<unit>wt\s*%|%|mol/kg|mol/L|m(?!ol/)|M)\s*(?P<name>\S.*)",
    re.DOTALL,
)
_UNITS = {"%": WEIGHT_PERCENT, "m": MOLAL, "M": MOLAR, "mol/kg": MOLAL, "mol/L": MOLAR}
_ADDITIVES = re.compile(r"additives?\s*:\s*\((?P<inside>.*)\)", re.IGNORECASE | re.DOTALL)
_ADDITIVES_OPEN = re.compile(r"additives?\s*:\s*$", re.IGNORECASE)
_PROPRIETARY = re.compile(r"(?:^|\s)\[proprietary\]$", re.IGNORECASE)
_HOW = "Write for example 70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC+1%DTD)."


@dataclass(frozen=True, slots=True)
class Component:
    """One molecule in one role; ``amount`` None means unknown."""

    molecule: str
    role: str
    amount: Decimal | None
    unit: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that tells one electrolyte from another, and which of it the name shows."""

    components: tuple[Component, ...] = ()
    notes: str = ""
    proprietary: bool = False
    shown: frozenset[str] = frozenset({"notes", "proprietary"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a recipe can not be taken as it is, and perhaps how it would be right."""

    message: str
    fix: str
    suggestion: tuple[Component, ...] = ()
    suggested: tuple[Decimal, ...] = ()


def parse_electrolyte(text: str) -> Recipe:
    """Read the notation; LabError where it can not be read.

    A single solvent may stand without an amount: it is all of the solvent.

    >>> parse_electrolyte("EC + 1MLiPF6").components[0].amount
    Decimal('100')
    """
    text = tidy(text)
    proprietary = _PROPRIETARY.search(text)
    if proprietary:
        text = text[: proprietary.start()].rstrip()
    parts, notes = _split(text)
    components: list[Component] = []
    for part in parts:
        group = _ADDITIVES.fullmatch(part)
        if group is None:
            components.append(_term(part, SOLVENT))
        else:
            inside, _ = _split(group["inside"])
            components += [_term(term, ADDITIVE) for term in inside]
    return Recipe(tuple(_with_lone_solvent(components)), notes, bool(proprietary))


def problems_of(recipe: Recipe) -> list[Problem]:
    """What keeps ``recipe`` from being taken as it is; an empty list when nothing does."""
    if not recipe.components and not recipe.notes:
        return [Problem("The electrolyte has no component and no notes.", _HOW)]
    problems = [problem for part in recipe.components for problem in _component_problems(part)]
    problems += _twice(recipe.components)
    if not problems:
        problems += _solvent_problems(recipe.components)
        problems += _additive_problems(recipe.components)
    return problems


def normalised(components: Sequence[Component]) -> tuple[Component, ...]:
    """``components`` with the solvents scaled to 100 % exactly."""
    amounts = [part.amount for part in components if part.role == SOLVENT]
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts) or sum(known, Decimal(0)) <= 0:
        return tuple(components)
    shares = iter(shares_of_100(known))
    return tuple(
        replace(part, amount=next(shares)) if part.role == SOLVENT else part for part in components
    )


def distance(first: Recipe, second: Recipe) -> float:
    """How unlike two recipes are: 0 for the same amounts, 1 more for each molecule that differs.

    An amount that is known in one and unknown in the other counts half.
    """
    amounts = [
        {part.molecule: part.amount for part in recipe.components} for recipe in (first, second)
    ]
    total = 0.0
    for molecule in amounts[0].keys() | amounts[1].keys():
        if molecule not in amounts[0] or molecule not in amounts[1]:
            total += 1
            continue
        a, b = amounts[0][molecule], amounts[1][molecule]
        if a is None or b is None:
            total += 0 if a == b else 0.5
        else:
            total += float(abs(a - b) / max(a, b))
    return total


def largest_difference_percent(first: Recipe, second: Recipe) -> float | None:
    """The largest difference of an amount, in percent of it; None unless all else is alike.

    Alike means the same molecules in the same roles and units, the same unknown amounts,
    notes and disclosure.
    """
    amounts = [
        {(part.molecule, part.role, part.unit): part.amount for part in recipe.components}
        for recipe in (first, second)
    ]
    same_words = (first.notes, first.proprietary) == (second.notes, second.proprietary)
    if not same_words or amounts[0].keys() != amounts[1].keys():
        return None
    gaps = [0.0]
    for key, a in amounts[0].items():
        b = amounts[1][key]
        if (a is None) != (b is None):
            return None
        if a is not None and b is not None:
            gaps.append(float(abs(a - b) / max(a, b)) * 100)
    return max(gaps)


def tidy(text: str) -> str:
    """Text as it is compared: composed Unicode, single spaces, no control characters.

    Two spellings that nobody can tell apart on screen must not make two entities.
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    kept = "".join(character for character in text if unicodedata.category(character) not in HIDDEN)
    return " ".join(kept.split())


# Reading ------------------------------------------------------------------------


def _split(text: str) -> tuple[list[str], str]:
    """Parts between ``+`` outside brackets and quotes, and the notes at the end."""
    parts: list[str] = []
    part, depth, at = "", 0, 0
    while at < len(text):
        character = text[at]
        if character == '"':
            end = _end_of_quote(text, at)
            part, at = part + text[at:end], end
            continue
        if character == "(" and depth == 0 and _opens_notes(part, parts):
            notes = _notes(text, at)
            return _complete(parts, part, required=bool(parts)), notes
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if character == "+" and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
        at += 1
    if depth:
        raise LabError(f"The brackets of {text!r} do not match.", fix=_HOW)
    return _complete(parts, part, required=bool(parts)), ""


def _complete(parts: list[str], last: str, *, required: bool) -> list[str]:
    stripped = [part.strip() for part in parts]
    if last.strip() or required:
        stripped.append(last.strip())
    if not all(stripped):
        raise LabError("There is nothing between two plus signs, or after the last.", fix=_HOW)
    return stripped


def _opens_notes(part: str, parts: list[str]) -> bool:
    starts = part.endswith(" ") or (not part and not parts)
    return starts and not _ADDITIVES_OPEN.search(part)


def _notes(text: str, start: int) -> str:
    depth, at = 0, start
    while at < len(text):
        if text[at] == "\\":
            at += 1
        else:
            depth += (text[at] == "(") - (text[at] == ")")
        at += 1
        if depth == 0:
            break
    if depth or at < len(text):
        raise LabError(
            f"Notes in brackets stand at the end; found {text[start:]!r}.",
            fix="Move them there, or quote a name that holds brackets.",
        )
    return unescape(text[start + 1 : at - 1])


def _end_of_quote(text: str, start: int) -> int:
    at = start + 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        raise LabError(f"The quote in {text[start:]!r} is not closed.", fix="Close it.")
    return at + 1


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _term(text: str, role: str) -> Component:
    match = _TERM.fullmatch(text)
    if match is None:
        if role == ADDITIVE or re.match(r"[0-9?.]+\s*[%]?$", text):
            raise LabError(f"{text!r} is not an amount and a molecule.", fix=_HOW)
        return Component(_name(text), SOLVENT, None, "")
    unit = _UNITS.get(match["unit"], WEIGHT_PERCENT)
    if role == SOLVENT and unit != WEIGHT_PERCENT:
        role = SALT
    amount = None if match["amount"] == "?" else Decimal(match["amount"])
    return Component(_name(match["name"]), role, amount, unit)


def _name(text: str) -> str:
    if not text.startswith('"'):
        if '"' in text:
            raise LabError(f"A quote stands inside {text!r}.", fix="Quote the whole name.")
        return tidy(text)
    if _end_of_quote(text, 0) != len(text):
        raise LabError(f"Text follows the quoted name in {text!r}.", fix="Put a + between.")
    return unescape(text[1:-1])


def _with_lone_solvent(components: list[Component]) -> list[Component]:
    solvents = [part for part in components if part.role == SOLVENT]
    bare = [part for part in solvents if not part.unit]
    if bare and len(solvents) > 1:
        raise LabError(
            f"{bare[0].molecule} has no amount.",
            fix=f"Write 30%{bare[0].molecule}, or ?%{bare[0].molecule} when it is unknown.",
        )
    return [
        part if part.unit else replace(part, amount=Decimal(100), unit=WEIGHT_PERCENT)
        for part in components
    ]


# Checking -----------------------------------------------------------------------


def _component_problems(part: Component) -> list[Problem]:
    name = part.molecule
    units = UNITS_OF_ROLE.get(part.role)
    if units is None:
        return [Problem(f"{part.role!r} is no role.", "Use solvent, salt or additive.")]
    if not name:
        return [Problem("A component has no molecule.", _HOW)]
    if part.unit not in units:
        wanted = " or ".join(units)
        return [Problem(f"{name} as {part.role} is given in {part.unit}.", f"Give it in {wanted}.")]
    if part.amount is None:
        return []
    if not part.amount.is_finite() or not 0 < part.amount <= LARGEST_AMOUNT:
        return [
            Problem(
                f"{name}: the amount {part.amount} is not above 0 and at most {LARGEST_AMOUNT}.",
                f"Write ?{'%' if part.unit == WEIGHT_PERCENT else 'm'}{name} when it is unknown.",
            )
        ]
    if places_of([part.amount]) > DECIMAL_PLACES:
        return [
            Problem(
                f"{name}: {part.amount} has more than {DECIMAL_PLACES} decimals.",
                "Round it to what was weighed.",
            )
        ]
    return []


def _twice(components: Iterable[Component]) -> list[Problem]:
    seen: set[str] = set()
    problems = []
    for part in components:
        key = part.molecule.casefold()
        if key in seen:
            problems.append(
                Problem(f"{part.molecule} is there twice.", "Keep one line for each molecule.")
            )
        seen.add(key)
    return problems


def _solvent_problems(components: Sequence[Component]) -> list[Problem]:
    amounts = [part.amount for part in components if part.role == SOLVENT]
    suggestion = normalised(components)
    return [
        replace(problem, suggestion=suggestion) if problem.suggested else problem
        for problem in share_problems(amounts, "solvents")
    ]


def _additive_problems(components: Iterable[Component]) -> list[Problem]:
    amounts = [part.amount for part in components if part.role == ADDITIVE]
    return share_problems(amounts, "additives", whole=False)


def share_problems(
    amounts: Sequence[Decimal | None], what: str, *, whole: bool = True
) -> list[Problem]:
    """What is wrong with percentages of one kind of part, called ``what``.

    ``whole``: they share 100 % among themselves; otherwise they are percent of something
    larger and must leave room for the rest.
    """
    known = [amount for amount in amounts if amount is not None]
    total = sum(known, Decimal(0))
    if not amounts:
        return []
    if not whole:
        return [] if total < 100 else [_too_much(what, total)]
    if len(known) < len(amounts):
        return [] if total < 100 else [_no_room(what, total)]
    if abs(total - 100) <= rounding_of(known):
        return []
    shares = tuple(shares_of_100(known))
    entered = "/".join(plain(amount) for amount in known)
    return [
        Problem(
            f"The {what} were entered as {entered} and sum to {plain(total)} %, not 100 %.",
            f"Normalised they would be {'/'.join(map(plain, shares))}. "
            "Take that, or correct the amounts.",
            suggested=shares,
        )
    ]


def _too_much(what: str, total: Decimal) -> Problem:
    return Problem(
        f"The {what} sum to {plain(total)} % of the whole.", "They must stay below 100 %."
    )


def _no_room(what: str, total: Decimal) -> Problem:
    return Problem(
        f"The known {what} sum to {plain(total)} %, which leaves nothing for the unknown.",
        f"Correct the amounts; {what} sum to 100 %.",
    )
