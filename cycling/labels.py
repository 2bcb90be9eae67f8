"""Rates and groups in the words of a battery lab."""


def group_label(
    number: int,
    *,
    constant_rate: float | None,
    end_rate: float | None,
    end_voltage: float | None,
    previous_end_voltage: float | None,
    irregular: bool = False,
) -> str:
    """A group of half-cycles by what drove it: ``1: C/3 to 3.00 V after 4.20 V``."""
    if irregular:
        return f"{number}: irregular"
    parts = [f"{number}: {c_rate_label(constant_rate)}"]
    if end_voltage is not None:
        parts.append(f"to {end_voltage:.2f} V")
    if end_rate is not None and constant_rate and end_rate < 0.8 * constant_rate:
        parts.append(f"held to {c_rate_label(end_rate)}")
    if previous_end_voltage is not None:
        parts.append(f"after {previous_end_voltage:.2f} V")
    return " ".join(parts)


def c_rate_label(rate: float | None) -> str:
    """``C/20``, ``1C``, ``2.5C``: as the lab says it, to about 10 %.

    >>> [c_rate_label(rate) for rate in (0.0502, 0.336, 0.5, 0.98, 2.5)]
    ['C/20', 'C/3', 'C/2', '1C', '2.5C']
    """
    if rate is None:
        return "rate unknown"
    if rate <= 0:
        return "0C"
    if rate < 0.75:
        return f"C/{_near(1 / rate)}"
    return f"{_near(rate)}C"


def _near(value: float) -> str:
    """The whole number within 6 %, else one decimal."""
    whole = round(value)
    return f"{whole}" if whole and abs(value - whole) <= 0.06 * whole else f"{value:.1f}"
