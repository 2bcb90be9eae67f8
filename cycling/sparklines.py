"""A cell at a glance: capacity against cycle number as a small picture (SVG)."""

from collections.abc import Sequence
from html import escape

import numpy as np

from battery_db.lib.palette import COLOURS, QUIET
from cycling.plots import Points

WIDTH, HEIGHT = 260, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 6, 8, 26
INK = "#76858e"  # legible on the light and on the dark ground
_TEXT = f'font-family="sans-serif" font-size="10" fill="{INK}"'


def sparkline(groups: Sequence[Points], *, y_axis: str) -> str:
    """Points per group in the colours of the large plot, the extremes written at the axes."""
    drawn = [points for points in groups if len(points.x)]
    if not drawn:
        return _svg(f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle" {_TEXT}>'
                    "no cycles yet</text>")  # fmt: skip
    x = np.concatenate([np.asarray(points.x, dtype=float) for points in drawn])
    y = np.concatenate([np.asarray(points.y, dtype=float) for points in drawn])
    span_x, span_y = (float(x.min()), float(x.max())), (float(y.min()), float(y.max()))
    dots = "".join(
        _dots(points, COLOURS[index % len(COLOURS)], span_x, span_y)
        for index, points in enumerate(drawn)
    )
    return _svg(_frame() + dots + _labels(span_x, span_y, y_axis))


def _dots(
    points: Points, colour: str, span_x: tuple[float, float], span_y: tuple[float, float]
) -> str:
    fill = QUIET if points.irregular else points.colour or colour
    across = LEFT + _share(points.x, span_x) * (WIDTH - LEFT - RIGHT)
    down = HEIGHT - BOTTOM - _share(points.y, span_y) * (HEIGHT - TOP - BOTTOM)
    places = zip(across, down, strict=True)
    path = "".join(f"M{horizontal:.1f} {vertical:.1f}h0" for horizontal, vertical in places)
    title = f"<title>{escape(points.name)}</title>"
    return (
        f'<path d="{path}" stroke="{fill}" stroke-width="3" stroke-linecap="round">{title}</path>'
    )


def _share(values: object, span: tuple[float, float]) -> np.ndarray:
    """Where values lie in their span, 0 to 1; in the middle of a span of nothing."""
    low, high = span
    array = np.asarray(values, dtype=np.float64)
    return (array - low) / (high - low) if high > low else np.full_like(array, 0.5)


def _frame() -> str:
    bottom = HEIGHT - BOTTOM
    return (
        f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" '
        f'stroke="{INK}" stroke-opacity=".6"/>'
    )


def _labels(span_x: tuple[float, float], span_y: tuple[float, float], y_axis: str) -> str:
    bottom, middle = HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2
    texts = [
        (LEFT - 4, TOP + 8, "end", f"{span_y[1]:.3g}", ""),
        (LEFT - 4, bottom, "end", f"{span_y[0]:.3g}", ""),
        (LEFT, bottom + 12, "start", f"{span_x[0]:.0f}", ""),
        (WIDTH - RIGHT, bottom + 12, "end", f"{span_x[1]:.0f}", ""),
        ((LEFT + WIDTH - RIGHT) / 2, bottom + 20, "middle", "cycle number", ""),
        (10, middle, "middle", y_axis, f' transform="rotate(-90 10 {middle})"'),
    ]
    return "".join(
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{turned} {_TEXT}>{escape(text)}</text>'
        for x, y, anchor, text, turned in texts
    )


def _svg(inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}">{inside}</svg>'
    )
