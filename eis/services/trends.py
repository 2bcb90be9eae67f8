"""Fitted parameters over a cell's life, one line per circuit and condition."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eis.conditions import TEMPERATURE_GAP, VOLTAGE_GAP, levels
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.plots import Trend
from eis.services.circuits import all_titles
from eis.services.fits import chosen_fits

MOST_LINES = 40
CHARGE_GAP = 0.03  # part of the whole charge; closer values are of one condition
PERCENT = 1.5  # a state of charge above this is in percent


@dataclass(frozen=True, slots=True)
class Life:
    """Lines of a figure, and the words of its x axis, which tell what is not drawn."""

    trends: list[Trend]
    x_axis: str


def trends_of_cell(cell_id: int, names: Iterable[str]) -> Life:
    """Parameters against cycle; without any cycle, against the number of the spectrum.

    Spectra of other circuits, voltages, temperatures or states of charge are lines of
    their own. Where some have a cycle, those without one are left out and counted.
    """
    spectra = ImpedanceSpectrum.objects.of_cell(cell_id)
    cycles = spectra.cycles()
    fits = list(chosen_fits(spectra).select_related("spectrum__source__file__metadata"))
    known = [cycles.get(fit.spectrum_id) for fit in fits]
    places = _places(known)
    drawn = [(fit, place) for fit, place in zip(fits, places, strict=True) if place is not None]
    has_cycles = any(cycle is not None for cycle in known)
    words = ["Cycle number" if has_cycles else "Spectrum, in order"]
    if len(drawn) < len(fits):
        words.append(f"{len(fits) - len(drawn)} without a cycle left out")
    groups = _groups(drawn)
    trends = [
        trend for name in names for trend in _trends(name, groups) if trend.x
    ]  # by parameter, then by condition
    if len(trends) > MOST_LINES:
        words.append(f"{MOST_LINES} of {len(trends)} lines")
        trends = sorted(trends, key=lambda trend: -len(trend.x))[:MOST_LINES]
    return Life(trends, "; ".join(words))


def _places(cycles: Sequence[int | None]) -> list[float | None]:
    if all(cycle is None for cycle in cycles):
        return [float(number) for number in range(1, len(cycles) + 1)]
    return [None if cycle is None else float(cycle) for cycle in cycles]


Drawn = list[tuple[CircuitFit, float]]


def _trends(name: str, groups: Mapping[str, Drawn]) -> Iterable[Trend]:
    for words, group in groups.items():
        rows = [
            (place, fit.parameters[name], fit.spectrum_id)
            for fit, place in group
            if name in fit.parameters
        ]
        yield Trend(
            f"{name}, {words}" if words else name,
            [x for x, _, _ in rows],
            [p["value"] for _, p, _ in rows],
            [p["low"] if p["identifiable"] else None for _, p, _ in rows],
            [p["high"] if p["identifiable"] else None for _, p, _ in rows],
            [link for _, _, link in rows],
        )


def _groups(drawn: Drawn) -> dict[str, Drawn]:
    """Fits of like conditions in the order of life, by what tells them from the others."""
    fits = [fit for fit, _ in drawn]
    spectra = [fit.spectrum for fit in fits]
    degrees = [_degrees(spectrum) for spectrum in spectra]
    charge = [spectrum.state_of_charge for spectrum in spectra]
    volts = [spectrum.voltage_volt for spectrum in spectra]
    size = 100.0 if max((c for c in charge if c is not None), default=0) > PERCENT else 1.0
    titles = all_titles()
    facts: list[list[str | None]] = [
        [titles.get(fit.circuit, fit.circuit) for fit in fits],
        _words(charge, CHARGE_GAP * size, "SOC {:.3g}"),
        _words(volts, VOLTAGE_GAP, "{:.3g} V"),
        _words(degrees, TEMPERATURE_GAP, "{:.3g} °C"),
    ]
    telling = [column for column in facts if len(set(column)) > 1]
    groups: dict[str, Drawn] = defaultdict(list)
    for row, one in enumerate(drawn):
        words = [column[row] for column in telling]
        groups[", ".join(word for word in words if word)].append(one)
    for group in groups.values():
        group.sort(key=lambda one: one[1])
    return dict(sorted(groups.items()))


def _words(values: Sequence[float | None], gap: float, form: str) -> list[str | None]:
    """The middle of each value's level, in words."""
    places = levels(values, gap)
    members: dict[Hashable, list[float]] = defaultdict(list)
    for place, value in zip(places, values, strict=True):
        if value is not None:
            members[place].append(value)
    middle: dict[Any, str] = {
        place: form.format(float(np.median(some))) for place, some in members.items()
    }
    return [middle.get(place) for place in places]


def _degrees(spectrum: ImpedanceSpectrum) -> float | None:
    own = spectrum.temperature_celsius
    if own is not None:
        return own
    metadata = getattr(spectrum.source.file, "metadata", None)
    return None if metadata is None else metadata.temperature_celsius
