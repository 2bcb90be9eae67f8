"""How a file name falls apart into words, and what single words can mean."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from battery_db.lib.names import without_escapes
from cells import experiments as lab

_FLAGS = re.ASCII | re.IGNORECASE
_START = r"(?<![^\s_\-.])"  # behind a separator, or at the front
_END = r"(?![^\s_\-.])"
# A dash, a dot and an equals sign are part of a word only in these shapes.
_WORD = re.compile(
    rf"{_START}[a-z]{{1,12}}=[^_\s]*"
    rf"|{_START}\d{{4}}-\d\d-\d\d{_END}"
    rf"|{_START}[+-]?\d{{1,3}}(?:\.\d{{1,3}})?(?:°|deg)?[cv]{_END}"
    r"|[^\s_\-.]+",
    _FLAGS,
)
DATA_EXTENSIONS = frozenset({
    "txt", "csv", "tsv", "nda", "ndax", "xlsx", "xls", "bdf", "parquet", "json", "mpr", "mpt", "res", "raw", "dat", "spc", "spa", "dx", "jdx", "dta", "gz", "zip"
})  # fmt: skip
KEYS = {
    "type": "experiment", "experiment": "experiment", "kind": "experiment",
    "cycler": "cycler", "cell": "cell_id", "cellid": "cell_id",
    "start": "start_cycle", "cycle": "start_cycle", "startcycle": "start_cycle",
    "v": "upper_cutoff_voltage", "voltage": "upper_cutoff_voltage",
    "t": "temperature_celsius", "temperature": "temperature_celsius",
    "date": "date", "who": "operator", "by": "operator", "operator": "operator",
    "profile": "drive_profile", "rates": "drive_profile", "electrode": "electrode",
}  # fmt: skip
_VOLTAGE = re.compile(r"(\d)(?:\.(\d{1,3})|(\d{1,2}))?v", _FLAGS)
_TEMPERATURE = re.compile(r"([+-]?\d{1,3}(?:\.\d{1,3})?)(?:°|deg)?c", _FLAGS)
_CYCLE = re.compile(r"c(\d{1,4})", _FLAGS)
_SINGLE_RATE = re.compile(r"c\d{1,3}|\d{1,3}c", _FLAGS)
_RATES = re.compile(
    r"(?:c(?P<c1>\d{1,3})[cd](?P<d1>\d{1,3})"  # C3C2, C3D2: C/3 and C/2
    r"|(?P<c2>\d{1,3})c(?P<d2>\d{1,3})[cd]"  # 1C2C, 1C2D: 1C and 2C
    r"|(?P<c3>\d{1,3})cc(?P<d3>\d{1,3}))"  # 1CC3: 1C and C/3
    r"(?P<suffix>rc|c|b)?",
    _FLAGS,
)
_STORE = re.compile(r"c(\d{1,3})s(\d{2,3})", _FLAGS)
_SUFFIXES = {"rc": "rate capability", "c": "without constant voltage", "b": "rate changes midway"}


@dataclass(frozen=True, slots=True)
class Word:
    """``glued``: a dash without another separator before it, as in ``41V-10C``."""

    text: str
    glued: bool = False

    @property
    def lower(self) -> str:
        return self.text.lower()


def split_name(name: str) -> tuple[list[Word], str]:
    """The words of a file name, and its extension in lower case (``bdf.csv``)."""
    stem, extension = _cut_extension(without_escapes(name).replace("\u2212", "-"))
    spaced = re.search(r"[_\s]", stem) is not None
    words = [
        Word(match.group(), glued=spaced and _is_glued(stem, match.start()))
        for match in _WORD.finditer(stem)
    ]
    return words, extension


def read_voltage(text: str) -> float | None:
    """``41V`` is 4.1, ``435V`` 4.35, ``4.1V`` 4.1: the point follows the first digit."""
    match = _VOLTAGE.fullmatch(text)
    if match is None:
        return None
    return float(f"{match[1]}.{match[2] or match[3] or '0'}")


def read_temperature(text: str) -> float | None:
    match = _TEMPERATURE.fullmatch(text)
    return float(match[1]) if match else None


def read_cycle(text: str) -> int | None:
    match = _CYCLE.fullmatch(text)
    return int(match[1]) if match else None


def read_date(text: str) -> dt.date | None:
    """YYMMDD (of this century), YYYYMMDD or YYYY-MM-DD."""
    digits = text.replace("-", "")
    if not re.fullmatch(r"\d{6}|\d{8}", digits, re.ASCII):
        return None
    digits = f"20{digits}" if len(digits) == 6 else digits
    if not digits.startswith(("19", "20")):
        return None
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def read_profile(text: str) -> tuple[str, str] | None:
    """The drive profile in its usual spelling, and in words; None when it is none."""
    if match := _RATES.fullmatch(text):
        suffix = (match["suffix"] or "").lower()
        body = text[: len(text) - len(suffix)].upper()
        more = f", {_SUFFIXES[suffix]}" if suffix else ""
        return body + suffix, f"charge at {_charge(match)}, discharge at {_discharge(match)}{more}"
    if match := _STORE.fullmatch(text):
        volts = f"{match[2][0]}.{match[2][1:]}"
        return text.upper().replace("S", "s"), f"C/{match[1]}, stored at {volts} V"
    return None


def read_single_rate(text: str) -> tuple[str, str] | None:
    if not _SINGLE_RATE.fullmatch(text):
        return None
    upper = text.upper()
    return upper, f"rate {upper}" if upper.endswith("C") else f"rate C/{upper[1:]}"


def read_field(name: str, text: str, grammar: lab.Grammar = lab.DEFAULT_GRAMMAR) -> Any:
    """The value of a spelled-out field; None when the text is none."""
    if name in ("cell_id", "start_cycle"):
        number = int(text) if re.fullmatch(r"\d{1,10}", text, re.ASCII) else -1
        low, high = (1, lab.MAX_CELL_ID) if name == "cell_id" else (0, lab.MAX_START_CYCLE)
        return number if low <= number <= high else None
    if name in ("upper_cutoff_voltage", "temperature_celsius"):
        return _read_quantity(name, text)
    readers: dict[str, Callable[[str], Any]] = {
        "experiment": lambda t: grammar.words.get(t.lower()),
        "cycler": lambda t: lab.CYCLER_WORDS.get(t.lower()),
        "date": read_date,
        "operator": lambda t: t.lower() if re.fullmatch("[A-Za-z]{1,10}", t) else None,
        "electrode": lambda t: t.lower() if re.fullmatch("[acAC][0-9]{0,3}", t) else None,
        "drive_profile": _read_any_profile,
    }
    return readers[name](text)


def _read_quantity(name: str, text: str) -> float | None:
    is_voltage = name == "upper_cutoff_voltage"
    number = re.fullmatch(
        r"([+-]?\d{1,4}(?:\.\d{1,30})?(?:e-?\d{1,3})?)(?:deg)?([cv]?)", text.lower(), re.ASCII
    )
    if number is None or number[2] not in ("", "v" if is_voltage else "c"):
        return None
    low, high = lab.VOLTAGE_RANGE if is_voltage else lab.TEMPERATURE_RANGE
    value = float(number[1])
    return value if low <= value <= high else None


def _read_any_profile(text: str) -> str | None:
    if known := (read_profile(text) or read_single_rate(text)):
        return known[0]
    return text if 0 < len(text) <= 40 else None


def _charge(match: re.Match[str]) -> str:
    if match["c1"]:
        return f"C/{match['c1']}"
    return f"{match['c2'] or match['c3']}C"


def _discharge(match: re.Match[str]) -> str:
    if match["d2"]:
        return f"{match['d2']}C"
    return f"C/{match['d1'] or match['d3']}"


def _is_glued(stem: str, start: int) -> bool:
    return start >= 2 and stem[start - 1] == "-" and stem[start - 2] not in " _-.\t\n"


def _cut_extension(name: str) -> tuple[str, str]:
    parts: list[str] = []
    stem = name
    while len(parts) < 2:
        head, dot, last = stem.rpartition(".")
        if not dot or not head or last.lower() not in DATA_EXTENSIONS:
            break
        parts.insert(0, last.lower())
        stem = head
    return stem, ".".join(parts)
