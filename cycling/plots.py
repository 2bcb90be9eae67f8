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


@dataclass(frozen=True, slots=True)
class Points:
    """One legend entry: x and y of equal length, and what a hover says of each point."""

    name: str
    x: Sequence[float] | NDArray[np.float64]
    y: Sequence[float] | NDArray[np.float64]
    irregular: bool = False
    colour: str = ""


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
                    "symbol": "x-thin-open" if points.irregular else SYMBOLS[index % len(SYMBOLS)],
                    "size": 5,
                },
                "hovertemplate": f"cycle %{{x}}<br>%{{y:.5g}}<extra>{points.name}</extra>",
            }
        )
    return _figure(traces, x_axis, y_axis)


def curves(lines: Iterable[Points], *, x_axis: str, y_axis: str) -> Figure:
    """One line per entry; from the second entry on also told apart by dash."""
    dashes = ("solid", "dash", "dot", "dashdot")
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": line.name,
            "x": _numbers(line.x),
            "y": _numbers(line.y),
            "line": {
                "color": line.colour or COLOURS[index % len(COLOURS)],
                "width": 1.6,
                "dash": dashes[(index // len(COLOURS)) % len(dashes)],
            },
        }
        for index, line in enumerate(lines)
    ]
    return _figure(traces, x_axis, y_axis)


def overview(
    time_second: NDArray[np.float64],
    voltage_volt: NDArray[np.float64],
    current_ampere: NDArray[np.float64],
) -> Figure:
    """Voltage above current, against a common time axis in hours."""
    hours = np.asarray(time_second, dtype=np.float64) / 3600
    figure = curves(
        [Points("Voltage", hours, voltage_volt)], x_axis="Test time / h", y_axis="Voltage / V"
    )
    current = curves(
        [Points("Current", hours, current_ampere, colour=COLOURS[1])], x_axis="", y_axis=""
    )
    figure["data"].append({**current["data"][0], "yaxis": "y2"})
    figure["layout"]["showlegend"] = False
    figure["layout"]["yaxis"]["domain"] = [0.42, 1]
    figure["layout"]["yaxis2"] = {"title": {"text": "Current / A"}, "domain": [0, 0.34]}
    figure["layout"]["xaxis"]["anchor"] = "y2"
    return figure


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
