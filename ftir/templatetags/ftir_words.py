"""How mass ratios are written."""

from typing import Any

from django import template

register = template.Library()


@register.filter
def wt(fraction: Any, places: int = 1) -> str:
    """A mass fraction as wt%: 0.1234 -> 12.3; absent values as a dash."""
    if fraction in (None, ""):
        return "–"
    return f"{100 * float(fraction):.{places}f}"


@register.filter
def ratio(fraction: Any) -> str:
    """A mass fraction for an input field: 0.1234, empty where unknown."""
    return "" if fraction in (None, "") else f"{float(fraction):.4f}"
