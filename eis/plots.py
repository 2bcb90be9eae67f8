"""Plotly figures of spectra and fits as plain dictionaries; the page adds fonts and theme."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from battery_db.lib.palette import COLOURS, QUIET, SYMBOLS, json_numbers
from battery_db.lib.spectra import BoolArray, ComplexArray, FloatArray, Spectrum
from eis.circuits import Circuit

Figure = dict[str, Any]
MEASURED, FITTED, MARKER = COLOURS[0], COLOURS[1], COLOURS[2]
FREQUENCY = "Frequency / Hz"
PLACES = ("top center", "bottom right", "top right", "middle right")


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted circuit: its curve at any frequency, and its characteristic frequencies."""

    circuit: Circuit
    parameters: FloatArray
    title: str = "fit"

    def curve(self, spectrum: Spectrum, count: int = 200) -> tuple[FloatArray, ComplexArray]:
        usable = spectrum.usable
        low, high = (np.log10(f(spectrum.frequency_hz[usable])) for f in (np.min, np.max))
        frequency = np.logspace(high, low, count)
        return frequency, self.at(frequency)

    def at(self, frequency_hz: FloatArray) -> ComplexArray:
        impedance: ComplexArray = self.circuit.impedance(self.parameters, frequency_hz)
        return impedance

    def characteristic(self, spectrum: Spectrum) -> list[tuple[str, float]]:
        """Names and frequencies in hertz of arcs, within the measured window."""
        usable = spectrum.usable
        low, high = np.min(spectrum.frequency_hz[usable]), np.max(spectrum.frequency_hz[usable])
        names = zip(
            self.circuit.parameter_names, self.circuit.parameter_units, self.parameters, strict=True
        )
        return [
            (name.split("_")[0], float(value))
            for name, unit, value in names
            if unit == "Hz" and low <= value <= high
        ]


def nyquist(spectrum: Spectrum, fits: Sequence[Fit] = ()) -> Figure:
    """-Z'' against Z' on equal axes, with a mark where each arc has its frequency."""
    unit, size = ohm_unit(spectrum)
    traces = _points(spectrum, spectrum.impedance_ohm.real / size, -spectrum.impedance_ohm.imag / size,
                     "%{text} Hz<br>Z' %{x:.4g}<br>-Z'' %{y:.4g}")  # fmt: skip
    for place, fit in enumerate(fits):
        frequency, impedance = fit.curve(spectrum)
        traces.append(
            _line(fit.title, impedance.real / size, -impedance.imag / size, _colour(place))
            | {"text": _hertz(frequency), "hovertemplate": "%{text} Hz<extra>fit</extra>"}
        )
    if fits:
        traces += _marks(spectrum, fits[0], size)
    layout = {
        "xaxis": {"title": {"text": f"Z' / {unit}"}, "constrain": "domain"},
        "yaxis": {
            "title": {"text": f"-Z'' / {unit}"},
            "scaleanchor": "x",
            "scaleratio": 1,
            "constrain": "domain",
        },
        "showlegend": True,
        "dragmode": "select",
        "legend": {"orientation": "h", "y": -0.2, "x": 0, "yanchor": "top"},
    }
    return {"data": traces, "layout": layout, "config": {"modeBarButtonsToRemove": ["autoScale2d"]}}


def _marks(spectrum: Spectrum, fit: Fit, size: float) -> list[dict[str, Any]]:
    marks = fit.characteristic(spectrum)
    if not marks:
        return []
    impedance = fit.at(np.array([frequency for _, frequency in marks]))
    ranks = np.argsort(np.argsort([frequency for _, frequency in marks])).tolist()
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": "characteristic frequency",
            "x": json_numbers(impedance.real / size),
            "y": json_numbers(-impedance.imag / size),
            "text": [f"{name}<br>{_with_prefix(frequency)}" for name, frequency in marks],
            # Marks that are near in frequency are near on the curve: their words take turns.
            "textposition": [PLACES[rank % len(PLACES)] for rank in ranks],
            "textfont": {"size": 11},
            "marker": {"symbol": "star", "size": 12, "color": MARKER},
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]


def bode(spectrum: Spectrum, fits: Sequence[Fit] = ()) -> Figure:
    """Modulus above, minus phase below, against frequency."""
    unit, size = ohm_unit(spectrum)
    modulus, phase = np.abs(spectrum.impedance_ohm) / size, _phase(spectrum.impedance_ohm)
    upper = _points(spectrum, spectrum.frequency_hz, modulus, "%{x:.4g} Hz<br>|Z| %{y:.4g}")
    lower = _points(spectrum, spectrum.frequency_hz, phase, "%{x:.4g} Hz<br>-phase %{y:.4g}°")
    for place, fit in enumerate(fits):
        frequency, impedance = fit.curve(spectrum)
        colour = _colour(place)
        upper.append(_line(fit.title, frequency, np.abs(impedance) / size, colour))
        lower.append(_line(fit.title, frequency, _phase(impedance), colour))
    traces = upper + [trace | {"yaxis": "y2", "showlegend": False} for trace in lower]
    layout = {
        "xaxis": {"title": {"text": FREQUENCY}, "type": "log", "anchor": "y2"},
        "yaxis": {"title": {"text": f"|Z| / {unit}"}, "type": "log", "domain": [0.53, 1]},
        "yaxis2": {"title": {"text": "-phase / °"}, "domain": [0, 0.45]},
        "showlegend": False,
        "dragmode": "select",
    }
    return {"data": traces, "layout": layout, "config": {"modeBarButtonsToRemove": ["autoScale2d"]}}


def residuals(spectrum: Spectrum, fitted_ohm: ComplexArray, title: str) -> Figure:
    """Real and imaginary residuals, in percent of |Z|, of the points that count."""
    used = spectrum.usable
    frequency = spectrum.frequency_hz[used]
    part = 100 * (spectrum.impedance_ohm[used] - fitted_ohm[used])
    part = part / np.abs(spectrum.impedance_ohm[used])
    order = np.argsort(frequency)
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": json_numbers(frequency[order]),
            "y": json_numbers(values[order]),
            "line": {"width": 1, "color": COLOURS[place]},
            "marker": {"size": 6, "color": COLOURS[place], "symbol": SYMBOLS[place]},
            "hovertemplate": "%{x:.4g} Hz<br>%{y:.3g} %<extra>" + name + "</extra>",
        }
        for place, (name, values) in enumerate((("real", part.real), ("imaginary", part.imag)))
    ]
    layout = {
        "xaxis": {"title": {"text": FREQUENCY}, "type": "log"},
        "yaxis": {"title": {"text": f"{title} / % of |Z|"}, "zeroline": True},
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom"},
    }
    return {"data": traces, "layout": layout}


def with_outliers(figure: Figure, spectrum: Spectrum, outliers: BoolArray) -> Figure:
    """Thin lines at frequencies whose points the rest of the spectrum contradicts."""
    figure["layout"]["shapes"] = [
        {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1,
         "line": {"color": COLOURS[3], "width": 1, "dash": "dot"}}
        for x in spectrum.frequency_hz[outliers].tolist()
    ]  # fmt: skip
    return figure


def relaxation_times(tau_second: FloatArray, gamma_ohm: FloatArray) -> Figure:
    """Distribution of relaxation times against 1/(2π τ)."""
    frequency = 1 / (2 * np.pi * tau_second)
    order = np.argsort(frequency)
    trace = _line("γ(τ)", frequency[order], gamma_ohm[order], COLOURS[0]) | {"fill": "tozeroy"}
    layout = {
        "xaxis": {"title": {"text": "1/(2π τ) / Hz"}, "type": "log"},
        "yaxis": {"title": {"text": "γ / Ω"}},
        "showlegend": False,
    }
    return {"data": [trace], "layout": layout}


@dataclass(frozen=True, slots=True)
class Trend:
    """One parameter over a cell's life, with the 90 % interval of each value."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    links: Sequence[int] = field(default=())


def trend(trends: Sequence[Trend], x_axis: str, y_axis: str) -> Figure:
    traces = []
    for place, one in enumerate(trends):
        y = np.asarray(one.y, dtype=np.float64)
        up, down = (
            np.abs(np.array([np.nan if v is None else v for v in side], dtype=np.float64) - y)
            for side in (one.high, one.low)
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": one.name,
                "x": json_numbers(one.x),
                "y": json_numbers(y),
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": json_numbers(up),
                    "arrayminus": json_numbers(down),
                    "thickness": 1,
                    "width": 2,
                },
                "line": {"width": 1, "color": COLOURS[place % len(COLOURS)]},
                "marker": {"size": 7, "symbol": _symbol(place),
                           "color": COLOURS[place % len(COLOURS)]},
                "customdata": list(one.links),
                "hovertemplate": "%{x}<br>%{y:.4g}<extra>" + one.name + "</extra>",
            }
        )  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": x_axis}},
        "yaxis": {"title": {"text": y_axis}},
        "showlegend": len(traces) > 1,
        "legend": {"orientation": "h", "y": -0.2, "x": 0, "yanchor": "top"},
    }
    return {"data": traces, "layout": layout}


def _symbol(place: int) -> str:
    """Colours come again after eight lines; the same colour has another symbol then."""
    return SYMBOLS[(place + place // len(COLOURS)) % len(SYMBOLS)]


def overlay(spectra: Mapping[str, Spectrum]) -> Figure:
    """Nyquist curves of several spectra on equal axes, of the points that count."""
    unit, size = ohm_unit(next(iter(spectra.values())))
    traces = []
    for place, (name, spectrum) in enumerate(spectra.items()):
        used = np.flatnonzero(spectrum.usable)
        order = used[np.argsort(-spectrum.frequency_hz[used])]
        impedance = spectrum.impedance_ohm[order] / size
        colour = COLOURS[place % len(COLOURS)]
        traces.append(
            _line(name, impedance.real, -impedance.imag, colour)
            | {
                "mode": "lines+markers",
                "marker": {"size": 5, "symbol": SYMBOLS[place % len(SYMBOLS)], "color": colour},
                "text": _hertz(spectrum.frequency_hz[order]),
                "hovertemplate": "%{text} Hz<extra>" + name + "</extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": f"Z' / {unit}"}, "constrain": "domain"},
        "yaxis": {"title": {"text": f"-Z'' / {unit}"}, "scaleanchor": "x", "constrain": "domain"},
        "showlegend": len(traces) > 1,
    }
    return {"data": traces, "layout": layout}


def ohm_unit(spectrum: Spectrum) -> tuple[str, float]:
    """The unit in which the spectrum has handy numbers, and its size in ohm."""
    usable = spectrum.usable
    largest = float(np.abs(spectrum.impedance_ohm[usable]).max()) if usable.any() else 1.0
    for unit, size in (("MΩ", 1e6), ("kΩ", 1e3), ("Ω", 1.0)):
        if largest >= size:
            return unit, size
    return "mΩ", 1e-3


def _points(spectrum: Spectrum, x: FloatArray, y: FloatArray, hover: str) -> list[dict[str, Any]]:
    """Points by kind, each with a marker and a word; ``customdata`` is their place."""
    places = np.arange(len(spectrum))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": json_numbers(x[chosen]),
            "y": json_numbers(y[chosen]),
            "text": _hertz(spectrum.frequency_hz[chosen]),
            "customdata": places[chosen].tolist(),
            "marker": marker,
            "hovertemplate": hover + f"<extra>{name}</extra>",
        }
        for name, chosen, marker in _kinds(spectrum)
        if chosen.any()
    ]


def _kinds(spectrum: Spectrum) -> Iterator[tuple[str, BoolArray, dict[str, Any]]]:
    """Points that count, those of them that a passive capacitive cell lacks, and masked ones."""
    counts = np.asarray(spectrum.mask, dtype=bool)
    negative = counts & (spectrum.impedance_ohm.real < 0)
    inductive = counts & (spectrum.impedance_ohm.imag > 0) & ~negative
    usual = counts & ~negative & ~inductive
    yield "measured", usual, {"size": 7, "color": MEASURED, "symbol": "circle"}
    yield "inductive", inductive, {"size": 8, "color": MEASURED, "symbol": "triangle-down"}
    yield "negative real part", negative, {"size": 8, "color": COLOURS[3], "symbol": "x"}
    yield "masked", ~counts, {"size": 8, "color": QUIET, "symbol": "circle-open"}


def _line(name: str, x: FloatArray, y: FloatArray, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": json_numbers(x),
        "y": json_numbers(y),
        "line": {"color": colour, "width": 2},
        "hovertemplate": "%{x:.4g}<br>%{y:.4g}<extra>" + name + "</extra>",
    }


def _colour(place: int) -> str:
    return (FITTED, *COLOURS[3:])[place % 6]


def _phase(impedance: ComplexArray) -> FloatArray:
    phase: FloatArray = -np.angle(impedance, deg=True)
    return phase


def _hertz(frequency: FloatArray) -> list[str]:
    return [_rounded(value) for value in frequency]


def _with_prefix(hertz: float) -> str:
    """Three digits: ``4.25 kHz``."""
    for size, unit in ((1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz"), (1e-3, "mHz")):
        if hertz >= size:
            return f"{hertz / size:.3g} {unit}"
    return f"{hertz * 1e6:.3g} µHz"


def _rounded(value: float) -> str:
    return f"{value:.3g}" if 1e-3 <= value < 1e4 else f"{value:.2e}"
