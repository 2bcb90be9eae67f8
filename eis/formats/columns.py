"""What the columns of an impedance table are, by their headers in any program's spelling.

``-Im(Z)/Ohm``, ``Z'' / mΩ``, ``Zimag``, ``imaginary_impedance_ohm`` and ``Data: Z''`` are one
quantity with different units and signs. A unit that is not known is never guessed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "m": 1e-3, "u": 1e-6, "n": 1e-9}
# ZPlot writes (a) and (b) for the two parts; no unit at all means ohm and hertz.
OHM = {"ohm", "ohms", "Ohm", "Ohms", "OHM", "Ω"}
RADIAN_PER_SECOND = {"rad/s", "rad s-1", "rad/sec", "1/s", "s-1", "rad·s-1"}
DEGREE = {"deg", "°", "degree", "degrees", "?", "", "º"}
BASES: dict[str, tuple[str, ...]] = {
    "frequency": ("Hz", "hz", "hertz", "Hertz"),
    "voltage": ("V", "volt"),
    "current": ("A", "ampere"),
}
NAMES: tuple[tuple[str, str], ...] = (
    ("frequency", r"f|freq\.?|frequency|frequencies"),
    ("angular", r"ω|omega|w|angularfrequency|pulsation"),
    ("real", r"re\(?z\)?|z'|zs'|z?re(al)?|zr|real(impedances?|part)?|realz|z'real"),
    (
        "imaginary",
        r"im\(?z\)?|z''|zs''|z?im(ag|g|aginary)?|zi|imag(inary)?(impedances?|part)?|imagz",
    ),
    ("modulus", r"\|z\||z|zmod|mod\(z\)|zabs|abs\(z\)|modulus|magnitude"),
    ("phase", r"phases?(\(z\))?|zphz|theta(\(z\))?|phi|arg\(z\)|phaseangle"),
    ("cycle", r"cycle(s|number|id|index|no|count)?"),
    ("group", r"spectrum|indices|sweep|stepid|zcycle|ns"),
    ("voltage", r"<ewe>|ewe|voltage|potential|edc|vdc|e|dc"),
    ("current", r"<i>|i|current|idc"),
    ("temperature", r"temperature|temp|t|ambienttemperature|surfacetemperature"),
    ("time", r"time|elapsedtime|testtime|t\[?s\]?|pttime"),
    ("soc", r"soc|stateofcharge"),
)
PATTERNS = tuple((role, re.compile(f"({pattern})", re.IGNORECASE)) for role, pattern in NAMES)


@dataclass(frozen=True, slots=True)
class Column:
    """One recognised column: what it is, what to multiply it with, and the unit it is in.

    ``is_signed`` says that the header carries the sign itself (``-Im(Z)``).
    """

    role: str
    factor: float = 1.0
    unit: str = ""
    is_signed: bool = False


def column_of(header: str) -> Column | None:
    """The meaning of one header cell; None where it has none for an impedance table."""
    text = header.strip().strip('"')
    if text == "#NAME?":
        # What a spreadsheet makes of "-Im(Z)/Ohm", which it takes for a formula.
        return Column("imaginary", -1.0, "Ohm", is_signed=True)
    text = text.lstrip("\ufeff#%").strip()
    text = re.sub(r"^data:\s*", "", text, flags=re.IGNORECASE).replace('"', "''").replace("′", "'")
    text, minus = re.subn(r"^(-|−|–|neg\.?\s|minus\s)\s*", "", text, flags=re.IGNORECASE)
    name, unit = _split(text)
    role = next((role for role, pattern in PATTERNS if pattern.fullmatch(name)), "")
    if not role:
        return None
    factor = _factor(role, unit)
    if factor is None:
        return None
    return Column(role, -factor if minus else factor, unit, is_signed=bool(minus))


def columns_of(headers: Sequence[str]) -> dict[str, tuple[int, Column]]:
    """Role -> place and column; the first of each role wins."""
    found: dict[str, tuple[int, Column]] = {}
    for place, header in enumerate(headers):
        column = column_of(header)
        if column is not None:
            found.setdefault(column.role, (place, column))
    return found


def is_impedance(roles: Iterable[str]) -> bool:
    """A frequency, and both parts or modulus and phase."""
    have = set(roles)
    return bool(have & {"frequency", "angular"}) and (
        have >= {"real", "imaginary"} or have >= {"modulus", "phase"}
    )


def _split(text: str) -> tuple[str, str]:
    """``"Re(Z)/Ohm"`` -> ``("re(z)", "Ohm")``; machine names carry their unit at the end."""
    for suffix, unit in (("_hertz", "Hz"), ("_ohm", "Ohm"), ("_volt", "V"), ("_ampere", "A"),
                         ("_celsius", "°C"), ("_second", "s")):  # fmt: skip
        if text.endswith(suffix):
            return re.sub(r"[\s_]", "", text.removesuffix(suffix)).lower(), unit
    found = re.fullmatch(r"(.+?)\s*[\[(]([^\[\]()]*)[\])]", text)
    if found and found[2].lower() != "z":
        name, unit = found[1], found[2]
    else:
        name, _, unit = text.partition("/")
    return re.sub(r"[\s_]", "", name).lower(), unit.strip()


def _factor(role: str, unit: str) -> float | None:
    """What makes hertz, ohm, volt, ampere, radian or degrees Celsius of it; None if unknown."""
    unit = unit.replace("µ", "u").replace("μ", "u").replace("Ω", "Ω")
    if role in ("real", "imaginary", "modulus"):
        return 1.0 if unit in ("", "a", "b") else _prefixed(unit, tuple(OHM))
    if role == "angular" or (role == "frequency" and unit in RADIAN_PER_SECOND):
        return 1 / (2 * np.pi) if unit in RADIAN_PER_SECOND or not unit else None
    if role == "phase":
        return 1.0 if unit in ("rad", "radian") else np.pi / 180 if unit in DEGREE else None
    if role in BASES:
        return 1.0 if not unit else _prefixed(unit, BASES[role])
    return 1.0


def _prefixed(unit: str, spellings: Sequence[str]) -> float | None:
    for spelling in spellings:
        if unit.endswith(spelling) and unit[: -len(spelling)] in PREFIXES:
            return PREFIXES[unit[: -len(spelling)]]
    return None
