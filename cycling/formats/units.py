"""Units as instruments write them in column headers, as factors to SI-lab units."""

import re

PREFIXES = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9}
SECONDS = {
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86_400.0,
}
# Charge and energy are also exported in ampere or watt seconds.
BASES: dict[str, dict[str, float]] = {
    "V": {"V": 1.0, "volt": 1.0, "Volts": 1.0},
    "A": {"A": 1.0, "amp": 1.0, "Amps": 1.0},
    "Ah": {"Ah": 1.0, "A.h": 1.0, "As": 1 / 3600, "A.s": 1 / 3600, "C": 1 / 3600},
    "Wh": {"Wh": 1.0, "W.h": 1.0, "Ws": 1 / 3600, "W.s": 1 / 3600, "J": 1 / 3600},
    "Ohm": {"Ohm": 1.0, "ohm": 1.0, "O": 1.0, "R": 1.0},
    "Hz": {"Hz": 1.0},
}
# Ends of standard column names, and the unit that each stands for.
SUFFIXES = {
    "second": "s",
    "volt": "V",
    "ampere": "A",
    "ah": "Ah",
    "wh": "Wh",
    "celsius": "degC",
    "ohm": "Ohm",
    "hertz": "Hz",
}
# The degree sign is the first character that a wrong code page loses.
CELSIUS = {
    "C",
    "degC",
    "deg C",
    "Celsius",
    "℃",
    "°C",
    "º C",
    "ºC",
    "?",
    "??",
    "\ufffdC",
    "\ufffd",
    "celsius",
    "dC",
}


def factor(unit: str, base: str) -> float | None:
    """What to multiply a number in ``unit`` with to have it in ``base``; None when unknown."""
    unit = unit.strip().replace("µ", "u").replace("μ", "u").replace("Ω", "Ohm")
    unit = unit.replace("Ω", "Ohm").replace("·", ".").replace("*", ".")
    if base == "s":
        return SECONDS.get(unit.lower())
    if base == "degC":
        return 1.0 if unit in CELSIUS else None
    for spelling, value in BASES[base].items():
        if unit.endswith(spelling) and unit[: -len(spelling)] in PREFIXES:
            return PREFIXES[unit[: -len(spelling)]] * value
    return None


def base_unit(column: str) -> str | None:
    """``"voltage_volt"`` -> ``"V"``; None for columns that count."""
    return SUFFIXES.get(column.rpartition("_")[2])


def split_unit(cell: str) -> tuple[str, str | None]:
    """``"Current(µA)"`` -> ``("Current", "µA")``; the unit is None where none is written."""
    found = re.fullmatch(r"(.*?)\s*[(\[（]([^()\[\]（）]*)[)\]）]\s*", cell.strip())
    if found is None:
        return cell.strip(), None
    return found[1].strip(), found[2].strip() or None
