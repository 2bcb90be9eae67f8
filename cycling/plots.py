"""Plotly figures as plain dictionaries; the page adds fonts and theme."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Figure = dict[str, Any]
# Okabe and Ito's palette, told apart by every kind of colour vision; black comes last
# because it vanishes in the dark theme.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800", "#7F7F7F")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")
IRREGULAR = "#9AA0A6"
# The middle of viridis, in RGB: told apart by lightness too, and legible on both themes.
SCALE = ((65, 68, 135), (42, 120, 142), (34, 168, 132), (122, 209, 81), (223, 197, 39))


@dataclass(frozen=True, slots=True)
class Quantity:
    """A summary number of a half-cycle or cycle that can be plotted against cycle number."""

    name: str
    title: str
    axis: str


QUANTITIES: Mapping[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity("discharge_capacity", "Discharge capacity", "Discharge capacity / Ah"),
        Quantity("charge_capacity", "Charge capacity", "Charge capacity / Ah"),
        Quantity("coulombic_efficiency", "Coulombic efficiency", "Coulombic efficiency / %"),
        Quantity("discharge_energy", "Discharge energy", "Discharge energy / Wh"),
        Quantity("delta_voltage", "Delta V", "Mean charge - discharge voltage / V"),
    )
}


# Numbers that a half-cycle has by itself -> the column of ``HalfCycleQuerySet.as_frame``.
HALF_CYCLE_QUANTITIES: Mapping[str, tuple[Quantity, str]] = {
    quantity.name: (quantity, column)
    for quantity, column in (
        (Quantity("capacity", "Capacity", "Capacity / Ah"), "capacity_ah"),
        (Quantity("energy", "Energy", "Energy / Wh"), "energy_wh"),
        (Quantity("mean_voltage", "Mean voltage", "Mean voltage / V"), "mean_voltage_volt"),
        (Quantity("end_voltage", "End voltage", "End voltage / V"), "end_voltage_volt"),
        (Quantity("duration", "Duration", "Time with current / s"), "duration_second"),
    )
}


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


def _numbers(values: Sequence[float] | NDArray[np.float64]) -> list[float | None]:
    """JSON has no NaN; Plotly leaves a gap at null. Seven digits are plenty on a screen."""
    array = np.asarray(values, dtype=np.float64)
    return [float(f"{v:.7g}") if np.isfinite(v) else None for v in array]
