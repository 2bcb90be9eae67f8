"""Numbers of fits as a lab writes them."""

from django import template

from eis.services.circuits import title_of

register = template.Library()
PREFIXES = ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
PREFIXED = ("Ω", "Hz", "F", "H", "s")


@register.filter
def quantity(value: float | None, unit: str = "") -> str:
    """Four digits with a prefix where the unit takes one: ``0.01234`` ohm as ``12.34 mΩ``."""
    if value is None:
        return "–"
    shown = "Ω" if unit == "ohm" else unit
    if shown not in PREFIXED or value == 0 or (shown == "s" and abs(value) >= 1):
        return f"{value:.4g} {shown}".strip()
    for size, prefix in PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.4g} {prefix}{shown}"
    return f"{value:.3e} {shown}"


@register.simple_tag
def interval(low: float | None, high: float | None, unit: str = "") -> str:
    """``17.78 … 21.82 mΩ``: the unit once where both ends have the same."""
    first, second = quantity(low, unit), quantity(high, unit)
    number, _, own = first.partition(" ")
    return f"{number} … {second}" if own and second.endswith(f" {own}") else f"{first} … {second}"


@register.filter
def error_percent(value: float | str | None) -> str:
    """A scaled error in percent, three digits; nothing known is a dash."""
    return "–" if value is None or value == "" else f"{100 * float(value):.3g} %"


@register.filter
def circuit_title(text: str) -> str:
    return title_of(text)
