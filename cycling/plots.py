"""Plotly figures as plain dictionaries; the page adds fonts and theme."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.decimate import thin
from battery_db.lib.palette import COLOURS, QUIET, SYMBOLS
from battery_db.lib.palette import json_numbers as _numbers
from cycling.quantities import Quantity

Figure = dict[str, Any]
IRREGULAR = QUIET
# The middle of viridis, in RGB: told apart by lightness too, and legible on both themes.
SCALE = ((65, 68, 135), (42, 120, 142), (34, 168, 132), (122, 209, 81), (223, 197, 39))


@dataclass(frozen=True, slots=True)
class Points:
    """One legend entry: x and y of equal length, and what identifies each point, if wanted."""

    name: str
    x: Sequence[float] | NDArray[np.float64]
    y: Sequence[float] | NDArray[np.float64]
    irregular: bool = False
    colour: str = ""
    keys: Sequence[int] = ()
    symbol: str = ""  # else one by place, or a cross for what is irregular


def thinned(groups: Iterable[Points], max_points: int) -> list[Points]:
    """The same entries with at most about ``max_points`` points in all, same in shape."""
    whole = list(groups)
    size = sum(len(points.x) for points in whole)
    if size <= max_points:
        return whole
    shares = (max(50, round(max_points * len(points.x) / size)) for points in whole)
    return [_thinned(points, share) for points, share in zip(whole, shares, strict=True)]


def _thinned(points: Points, max_points: int) -> Points:
    x, y = (np.asarray(values, dtype=np.float64) for values in (points.x, points.y))
    kept = thin(x, y, max_points)
    keys = [points.keys[place] for place in kept] if points.keys else ()
    return replace(points, x=x[kept], y=y[kept], keys=keys)


def zoomable(figure: Figure) -> Figure:
    """Let the page ask for the stretch it shows, in full resolution, when one zooms in."""
    figure["zoom"] = True
    figure["layout"]["uirevision"] = "kept"
    return figure


def with_extents(figure: Figure, extents: Iterable[tuple[float, str]]) -> Figure:
    """Thin lines where files begin, each with its name on hover of its upper end."""
    starts = list(extents)
    figure["layout"]["shapes"] = [
        {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1,
         "line": {"color": IRREGULAR, "width": 1, "dash": "dot"}, "layer": "below"}
        for x, _ in starts
    ]  # fmt: skip
    figure["layout"]["annotations"] = [
        {"x": x, "yref": "paper", "y": 1, "text": "▾", "showarrow": False, "yanchor": "bottom",
         "hovertext": name, "font": {"color": IRREGULAR, "size": 12}}
        for x, name in starts
    ]  # fmt: skip
    figure["layout"]["margin"] = {"l": 56, "r": 16, "t": 24, "b": 48}
    return figure


def scatter_by_group(groups: Iterable[Points], *, x_axis: str, y_axis: str) -> Figure:
    """Points per group, in colours and symbols that both tell groups apart."""
    traces = []
    for index, points in enumerate(groups):
        colour = points.colour or COLOURS[index % len(COLOURS)]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": points.name,
                "x": _numbers(points.x),
                "y": _numbers(points.y),
                "marker": {
                    "color": IRREGULAR if points.irregular else colour,
                    "symbol": points.symbol or _symbol(index, irregular=points.irregular),
                    "size": 5,
                },
                "hovertemplate": f"cycle %{{x}}<br>%{{y:.5g}}<extra>{points.name}</extra>",
                **({"customdata": list(points.keys)} if points.keys else {}),
            }
        )
    return _figure(traces, x_axis, y_axis)


def _symbol(index: int, *, irregular: bool) -> str:
    if irregular:
        return "x-thin-open"
    return SYMBOLS[(index + index // len(COLOURS)) % len(SYMBOLS)]


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot of a grid; all panels of a grid have the same axes."""

    title: str
    points: tuple[Points, ...]


def panel_grid(panels: Sequence[Panel], *, columns: int, x_axis: str, y_axis: str) -> Figure:
    """Panels side by side on common axes; each name is in the legend once."""
    columns = max(1, min(columns, len(panels)))
    rows = -(-len(panels) // columns)
    figure = _figure([], x_axis, y_axis)
    layout = figure["layout"] = {"showlegend": True, "annotations": []}
    named: set[str] = set()
    for place, panel in enumerate(panels):
        row, column = divmod(place, columns)
        ending = "" if place == 0 else str(place + 1)
        for trace in scatter_by_group(panel.points, x_axis=x_axis, y_axis=y_axis)["data"]:
            trace |= {
                "xaxis": f"x{ending}",
                "yaxis": f"y{ending}",
                "legendgroup": trace["name"],
                "showlegend": trace["name"] not in named,
            }
            named.add(trace["name"])
            figure["data"].append(trace)
        is_lowest = place + columns >= len(panels)
        layout[f"xaxis{ending}"] = _grid_axis(
            column, columns, x_axis if is_lowest else "", "x", f"y{ending}"
        )
        layout[f"yaxis{ending}"] = _grid_axis(
            rows - 1 - row, rows, "" if column else y_axis, "y", f"x{ending}"
        )
        layout["annotations"].append(
            {
                "text": panel.title,
                "showarrow": False,
                "xref": f"x{ending} domain",
                "yref": f"y{ending} domain",
                "x": 0.5,
                "y": 1.0,
                "yanchor": "bottom",
            }
        )
    layout["margin"] = {"l": 64, "r": 16, "t": 28, "b": 48}
    layout["height"] = max(360, 290 * rows)
    return figure


def _grid_axis(place: int, count: int, title: str, letter: str, anchor: str) -> dict[str, Any]:
    gap = 0.16 if letter == "y" else 0.08
    size = (1 - gap * (count - 1) / max(count, 2)) / count
    step = (1 - size) / (count - 1) if count > 1 else 0.0
    axis: dict[str, Any] = {
        "domain": [round(place * step, 4), round(place * step + size, 4)],
        "anchor": anchor,
        "title": {"text": title},
    }
    return axis if anchor in ("x", "y") else {**axis, "matches": letter}


def curation_figure(groups: Iterable[Points], quantity: Quantity, *, overview: bool) -> Figure:
    """Half-cycles by group, to draw a box around those to leave out."""
    figure = scatter_by_group(groups, x_axis="Cycle number", y_axis=quantity.axis)
    figure["layout"] |= {"dragmode": "select", "showlegend": not overview}
    if overview:
        for trace in figure["data"]:
            trace["showlegend"] = False
            trace["marker"]["size"] = 4
    figure["config"] = {"modeBarButtonsToRemove": ["autoScale2d"]}
    return figure


def differential_curves(pairs: Sequence[tuple[int, str, Points]]) -> Figure:
    """dQ/dV against voltage, in the colours of ``voltage_curves``."""
    figure = voltage_curves(pairs)
    for trace in figure["data"]:
        trace["hovertemplate"] = trace["hovertemplate"].replace(
            "%{x:.4g} Ah<br>%{y:.4g} V", "%{x:.4g} V<br>%{y:.4g} Ah/V"
        )
    figure["layout"]["xaxis"]["title"]["text"] = "Voltage / V"
    figure["layout"]["yaxis"]["title"]["text"] = "dQ/dV / (Ah/V)"
    return figure


def voltage_curves(pairs: Sequence[tuple[int, str, Points]]) -> Figure:
    """Curves of (cycle, polarity): one colour per cycle, discharge solid, charge dotted."""
    colour_of = _colours([cycle for cycle, _, _ in pairs])
    traces: list[dict[str, Any]] = []
    named: set[int] = set()
    # Discharges first: the legend shows the line of the first trace of each cycle.
    for cycle, polarity, points in sorted(pairs, key=lambda pair: pair[1] != "discharge"):
        traces.append(
            {
                **_line(points, colour_of[cycle], "solid" if polarity == "discharge" else "dot"),
                "name": f"cycle {cycle}",
                "legendgroup": str(cycle),
                "showlegend": cycle not in named,
                "hovertemplate": f"%{{x:.4g}} Ah<br>%{{y:.4g}} V<extra>{points.name}</extra>",
            }
        )
        named.add(cycle)
    return _figure(traces, "Capacity / Ah", "Voltage / V")


def overview(
    time_second: NDArray[np.float64],
    voltage_volt: NDArray[np.float64],
    current_ampere: NDArray[np.float64],
) -> Figure:
    """Voltage above current, against a common time axis in hours."""
    hours = np.asarray(time_second, dtype=np.float64) / 3600
    voltage = _line(Points("Voltage", hours, voltage_volt), COLOURS[0])
    current = _line(Points("Current", hours, current_ampere), COLOURS[1])
    figure = _figure([voltage, {**current, "yaxis": "y2"}], "Test time / h", "Voltage / V")
    figure["layout"]["showlegend"] = False
    figure["layout"]["yaxis"]["domain"] = [0.42, 1]
    figure["layout"]["yaxis2"] = {"title": {"text": "Current / A"}, "domain": [0, 0.34]}
    figure["layout"]["xaxis"]["anchor"] = "y2"
    return figure


def timeline(bars: Sequence[tuple[str, str, datetime, datetime]]) -> Figure:
    """A bar per file (kind, name, begin, end): what was measured on a cell, and when."""
    kinds = list(dict.fromkeys(kind for kind, _, _, _ in bars))
    traces = []
    for index, kind in enumerate(kinds):
        own = [bar for bar in bars if bar[0] == kind]
        x: list[str | None] = []
        for _, _, begin, end in own:
            x += [begin.isoformat(), end.isoformat(), None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": kind,
                "x": x,
                "y": [kind] * len(x),
                "text": [name for _, name, _, _ in own for _ in range(3)],
                "line": {"width": 10, "color": COLOURS[index % len(COLOURS)]},
                "marker": {"size": 8, "symbol": SYMBOLS[index % len(SYMBOLS)]},
                "hovertemplate": "%{x|%Y-%m-%d %H:%M}<br>%{text}<extra></extra>",
            }
        )
    figure = _figure(traces, "Date (UTC)", "")
    figure["layout"] |= {"showlegend": False}
    figure["layout"]["xaxis"]["type"] = "date"
    figure["layout"]["yaxis"] = {"type": "category", "automargin": True}
    return figure


def _line(points: Points, colour: str, dash: str = "solid") -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": points.name,
        "x": _numbers(points.x),
        "y": _numbers(points.y),
        "line": {"color": colour, "width": 1.6, "dash": dash},
    }


def _colours(cycles: Sequence[int]) -> dict[int, str]:
    """A colour per cycle: the palette for a few, a scale in order of cycle for many."""
    ordered = sorted(set(cycles))
    if len(ordered) <= len(COLOURS):
        return dict(zip(ordered, COLOURS, strict=False))
    places = np.linspace(0, 1, len(ordered))
    anchors = np.linspace(0, 1, len(SCALE))
    channels = [np.interp(places, anchors, [rgb[c] for rgb in SCALE]).round() for c in range(3)]
    return {
        cycle: f"rgb({r:.0f},{g:.0f},{b:.0f})"
        for cycle, r, g, b in zip(ordered, *channels, strict=True)
    }


def _figure(traces: list[dict[str, Any]], x_axis: str, y_axis: str) -> Figure:
    layout = {
        "xaxis": {"title": {"text": x_axis}},
        "yaxis": {"title": {"text": y_axis}},
        "showlegend": len(traces) > 1,
    }
    return {"data": traces, "layout": layout}
