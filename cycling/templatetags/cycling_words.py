"""Numbers as a battery lab writes them."""

from django import template

from cycling.labels import c_rate_label

register = template.Library()


@register.filter
def c_rate(rate: float | None) -> str:
    """``0.0502`` as ``C/20``; the exact value is in the data behind the page."""
    return "–" if rate is None else c_rate_label(rate)


@register.filter
def si(value: float | None, unit: str) -> str:
    """Four digits with a milli prefix where it reads better: ``0.2201`` Ah as ``220.1 mAh``."""
    if value is None:
        return "–"
    if abs(value) < 1:
        return f"{value * 1000:.4g} m{unit}"
    return f"{value:.4g} {unit}"


@register.filter
def percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f} %"


@register.filter
def hours(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / 3600:.2f}"
