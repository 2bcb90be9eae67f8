"""Plotly figures of spectra and calibrations as plain dictionaries.

Wavenumbers fall from left to right, as spectroscopists read them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ftir.mixtures import pairs

if TYPE_CHECKING:
    from ftir.prediction import Estimate

Array = NDArray[np.float64]
Figure = dict[str, Any]
# Okabe and Ito's palette, told apart by every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800", "#7F7F7F")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
BAND = "rgba(127,127,127,0.25)"
ALARM = "rgba(213,94,0,0.18)"
AXIS = {"title": "Wavenumber / cm⁻¹", "autorange": "reversed"}
MOST_POINTS = 1600


def _line(name: str, x: Array, y: Array, colour: str, **more: Any) -> Figure:
    line = {"color": colour, "width": 1.5, **more.pop("line", {})}
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": _list(x), "y": _list(y),
        "line": line, **more,
    }  # fmt: skip


def _list(values: Array) -> list[float]:
    step = max(1, len(values) // MOST_POINTS)
    return [float(f"{value:.6g}") for value in values[::step]]


def measured(wavenumber_per_cm: Array, absorbance: Array) -> Figure:
    """A spectrum by itself."""
    return {
        "data": [_line("measured", wavenumber_per_cm, absorbance, COLOURS[0])],
        "layout": {"xaxis": AXIS, "yaxis": {"title": "Absorbance"}},
    }


def explained(found: "Estimate", peaks: Sequence[tuple[float, float, str]] = ()) -> Figure:
    """Measured over reconstructed; below, the residual in its band, with what leaves it."""
    x = found.wavenumber_per_cm
    residual = found.absorbance - found.reconstructed
    band = found.typical_residual
    data = [
        _line("measured", x, found.absorbance, COLOURS[0]),
        _line("reconstructed", x, found.reconstructed, COLOURS[1], line={"dash": "dash"}),
        _line("limit", x, band, "rgba(127,127,127,0.6)", yaxis="y2", showlegend=False,
              line={"width": 0.5}, hoverinfo="skip"),
        _line("typical residual", x, -band, "rgba(127,127,127,0.6)", yaxis="y2", fill="tonexty",
              fillcolor=BAND, line={"width": 0.5}, hoverinfo="skip"),
        _line("residual", x, residual, COLOURS[2], yaxis="y2"),
    ]  # fmt: skip
    if peaks:
        data.append(
            {
                "type": "scatter", "mode": "markers", "name": "peaks",
                "x": [peak[0] for peak in peaks], "y": [peak[1] for peak in peaks],
                "text": [peak[2] for peak in peaks],
                "hovertemplate": "%{x:.0f} cm⁻¹<br>%{text}<extra></extra>",
                "marker": {"symbol": "triangle-down", "color": COLOURS[3], "size": 8},
            }
        )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "xaxis": {**AXIS, "anchor": "y2"},
            "yaxis": {"title": "Absorbance", "domain": [0.38, 1]},
            "yaxis2": {"title": "Residual", "domain": [0, 0.3]},
            "shapes": [
                {
                    "type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1,
                    "x0": region.start_per_cm, "x1": region.end_per_cm,
                    "fillcolor": ALARM, "line": {"width": 0}, "layer": "below",
                }
                for region in found.assessment.regions
            ],
        },
    }  # fmt: skip


def partial(found: "Estimate") -> Figure:
    """What each component adds to the reconstruction, one above the other (figure 4.5)."""
    x = found.wavenumber_per_cm
    data = [
        _line(name, x, part, COLOURS[i % len(COLOURS)], stackgroup="parts",
              line={"width": 0.8, "dash": DASHES[i % len(DASHES)]})
        for i, (name, part) in enumerate(zip(found.components, found.partial, strict=True))
    ]  # fmt: skip
    data.append(_line("measured", x, found.absorbance, "#7F7F7F", line={"width": 1}))
    return {"data": data, "layout": {"xaxis": AXIS, "yaxis": {"title": "Absorbance"}}}


def composition(
    amounts: Sequence[Mapping[str, Any]], nominal: Mapping[str, float] | None = None
) -> Figure:
    """Bars with intervals; beside them what the recipe asks for."""
    names = [row["component"] for row in amounts]
    data = [
        {
            "type": "bar", "name": "measured", "x": names,
            "y": [round(100 * row["mass_ratio"], 3) for row in amounts],
            "error_y": {"type": "data", "color": "#7F7F7F", "array": [round(100 * row["half_width"], 3) for row in amounts]},
            "marker": {"color": COLOURS[0]},
        }
    ]  # fmt: skip
    if nominal:
        data.append(
            {
                "type": "bar", "name": "recipe", "x": names,
                "y": [round(100 * nominal.get(name, 0.0), 3) for name in names],
                "marker": {"color": COLOURS[4], "pattern": {"shape": "/"}},
            }
        )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "barmode": "group",
            "yaxis": {"title": "Mass ratio / wt%", "rangemode": "tozero"},
        },
    }


def life(
    points: Sequence[tuple[float, Sequence[Mapping[str, Any]]]],
    nominal: Mapping[str, float] | None,
    x_axis: str,
) -> Figure:
    """Mass ratios of a cell's electrolyte over its life; the recipe as dotted lines."""
    names = [row["component"] for row in points[0][1]] if points else []
    data = []
    for index, name in enumerate(names):
        rows = [(x, row) for x, amounts in points for row in amounts if row["component"] == name]
        colour = COLOURS[index % len(COLOURS)]
        data.append(
            {
                "type": "scatter", "mode": "lines+markers", "name": name,
                "x": [x for x, _ in rows],
                "y": [round(100 * row["mass_ratio"], 3) for _, row in rows],
                "error_y": {"type": "data", "color": "#7F7F7F", "array": [round(100 * row["half_width"], 3) for _, row in rows]},
                "marker": {"color": colour, "symbol": SYMBOLS[index % len(SYMBOLS)], "size": 8},
                "line": {"color": colour, "width": 1},
            }
        )  # fmt: skip
    shapes = [
        {
            "type": "line", "xref": "paper", "x0": 0, "x1": 1,
            "y0": 100 * nominal[name], "y1": 100 * nominal[name],
            "line": {"color": COLOURS[index % len(COLOURS)], "dash": "dot", "width": 1.5},
        }
        for index, name in enumerate(names)
        if nominal and name in nominal
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": x_axis},
        "yaxis": {"title": "Mass ratio / wt%", "rangemode": "tozero"},
        "shapes": shapes,
    }
    return {"data": data, "layout": layout}


def by_share(summary: Mapping[str, Any], components: Sequence[str]) -> Figure:
    """Held-out errors against the held-out share (figure 4.1)."""
    rows = summary["shares"]
    x = [100 * row["share"] for row in rows]
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "x": x,
            "y": [round(row["percent_of_max"][i], 3) for row in rows],
            "marker": {"color": COLOURS[i % len(COLOURS)], "symbol": SYMBOLS[i % len(SYMBOLS)]},
        }
        for i, name in enumerate(components)
    ]  # fmt: skip
    data.append(
        {
            "type": "scatter", "mode": "lines+markers", "name": "reconstruction", "x": x,
            "y": [round(100 * row["reconstruction_error"], 3) for row in rows],
            "marker": {"color": "#7F7F7F"}, "line": {"dash": "dash"},
        }
    )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": "Held-out share / %"},
            "yaxis": {"title": "Error / % of maximum", "type": "log"},
        },
    }


def parity(arrays: Mapping[str, Array], components: Sequence[str]) -> Figure:
    """Predicted against prepared mass ratio, each when it was held out (figure 4.2)."""
    data: list[Figure] = [
        {
            "type": "scatter", "mode": "markers", "name": name,
            "x": _list(100 * arrays["prepared"][:, i]),
            "y": _list(100 * arrays["predicted"][:, i]),
            "marker": {
                "color": COLOURS[i % len(COLOURS)],
                "symbol": SYMBOLS[i % len(SYMBOLS)],
                "size": 7,
                "opacity": 0.8,
            },
        }
        for i, name in enumerate(components)
    ]  # fmt: skip
    ends = np.array([0.0, 100.0])
    data.append(_line("equal", ends, ends, "#7F7F7F", line={"dash": "dot", "width": 1}))
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": "Prepared / wt%"},
            "yaxis": {"title": "Predicted while held out / wt%"},
        },
    }


def mean_spectrum(arrays: Mapping[str, Array]) -> Figure:
    """Mean held-out spectrum and its mean absolute reconstruction error (figures 4.3, 4.4)."""
    x = arrays["wavenumber_per_cm"]
    return {
        "data": [
            _line("mean spectrum", x, arrays["mean_spectrum"], COLOURS[0]),
            _line("mean error", x, arrays["mean_error"], COLOURS[1], fill="tozeroy"),
        ],
        "layout": {"xaxis": AXIS, "yaxis": {"title": "Absorbance"}},
    }


def encoder(arrays: Mapping[str, Array], components: Sequence[str]) -> Figure:
    """X per component: mean over folds with its standard deviation (figure 4.6)."""
    return _spread(
        arrays["wavenumber_per_cm"], arrays["encoder_mean"], arrays["encoder_spread"],
        list(components), "Encoder X / arbitrary unit",
    )  # fmt: skip


def modes(arrays: Mapping[str, Array], components: Sequence[str]) -> Figure:
    """A of each component and pair: mean over folds with its spread (figure 4.7)."""
    names = [
        components[j] if j == k else f"{components[j]} with {components[k]}"
        for j, k in pairs(len(components))
    ]
    figure = _spread(
        arrays["wavenumber_per_cm"], arrays["spectra_mean"], arrays["spectra_spread"], names,
        "Fundamental spectra A / arbitrary unit",
    )  # fmt: skip
    for trace in figure["data"][2 * len(components) :]:
        trace["visible"] = "legendonly"
    return figure


def _spread(x: Array, mean: Array, spread: Array, names: Sequence[str], title: str) -> Figure:
    data = []
    for i, (name, middle, width) in enumerate(zip(names, mean, spread, strict=True)):
        colour = COLOURS[i % len(COLOURS)]
        data.append(
            {
                "type": "scatter", "mode": "lines", "showlegend": False, "hoverinfo": "skip",
                "legendgroup": name, "name": name, "fill": "toself", "opacity": 0.35,
                "x": [*_list(x), *_list(x)[::-1]],
                "y": [*_list(middle + width), *_list(middle - width)[::-1]],
                "fillcolor": colour, "line": {"width": 0},
            }
        )  # fmt: skip
        data.append(
            _line(
                name, x, middle, colour, legendgroup=name, line={"dash": DASHES[i // len(COLOURS)]}
            )
        )
    return {"data": data, "layout": {"xaxis": AXIS, "yaxis": {"title": title}}}


def peaks_of(
    wavenumber_per_cm: Array, absorbance: Array, components: tuple[str, ...], most: int = 14
) -> list[tuple[float, float, str]]:
    """(wavenumber, absorbance, assignment) of the most prominent peaks."""
    from scipy.signal import find_peaks

    from ftir.bands import assignment

    prominence = 0.02 * float(np.ptp(absorbance))
    places, found = find_peaks(absorbance, prominence=prominence)
    order = np.argsort(-found["prominences"])[:most]
    return [
        (
            round(float(wavenumber_per_cm[i]), 1),
            float(absorbance[i]),
            assignment(float(wavenumber_per_cm[i]), components) or "not assigned",
        )
        for i in sorted(places[order])
    ]
