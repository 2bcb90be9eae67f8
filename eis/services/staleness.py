"""Which fits are of yesterday's points, and which spectra are fitted together.

Spectra of one cell under like conditions are one series: when one of them changes, comes or
goes, all are fitted again, because each is smoothed by its neighbours.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eis.conditions import Conditions, alike
from eis.cycles import cycle_of
from eis.models import CircuitFit, ImpedanceSpectrum, ImpedanceSpectrumQuerySet
from eis.results import METHOD_VERSION
from eis.series import FEWEST_SPECTRA
from eis.services.circuits import lab_circuit

MOST_SPECTRA = 1000  # of one series; a longer life is fitted in pieces
FILE = "source__file__metadata__"
FACTS = (
    "pk", "number", "masked_points", "circuit", "review", "cycle_count", "voltage_volt",
    "temperature_celsius", "source_id", "source__sha256", "source__reader_version",
    "source__format_name", f"{FILE}cell_id", f"{FILE}start_cycle", f"{FILE}temperature_celsius",
)  # fmt: skip
Facts = Mapping[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The fit that a spectrum should have.

    ``series`` names those that are fitted together; None stands for a fit of its own.
    ``fingerprint`` is of all that goes in: points, mask, circuit, program, and the series.
    """

    spectrum_id: int
    circuit: str
    series: Key | None
    fingerprint: str


def stale_spectra(cell_id: int | None = None) -> list[int]:
    """Spectra in use without an up-to-date fit, with all of their series (two queries)."""
    return [plan.spectrum_id for plan in _stale_plans(cell_id)]


def stale_parts(size: int, cell_id: int | None = None) -> list[list[int]]:
    """The same in parts of about ``size`` that never divide a series."""
    parts: list[list[int]] = []
    before: Key | None = None
    for plan in _stale_plans(cell_id):
        goes_on = plan.series is not None and plan.series == before
        if not parts or (len(parts[-1]) >= size and not goes_on):
            parts.append([])
        parts[-1].append(plan.spectrum_id)
        before = plan.series
    return parts


def _stale_plans(cell_id: int | None) -> Iterator[Plan]:
    spectra = ImpedanceSpectrum.objects.in_use()
    if cell_id is not None:
        spectra = ImpedanceSpectrum.objects.of_cell(cell_id)
    fits = CircuitFit.objects.filter(is_chosen=True, spectrum__in=spectra)
    fitted = dict(fits.values_list("spectrum_id", "fingerprint"))
    plans = plans_of(spectra, together=True)
    stale = {plan.spectrum_id for plan in plans if fitted.get(plan.spectrum_id) != plan.fingerprint}
    series = {plan.series for plan in plans if plan.spectrum_id in stale} - {None}
    return (plan for plan in plans if plan.spectrum_id in stale or plan.series in series)


def plans_of(
    spectra: ImpedanceSpectrumQuerySet, *, circuit: str = "", together: bool = False
) -> list[Plan]:
    """One plan per spectrum, series by series in the order of life (one query).

    ``circuit`` stands in for what is chosen for each; ``together`` finds series.
    """
    default = lab_circuit().text
    groups: dict[Key, list[Facts]] = defaultdict(list)
    for facts in spectra.order_by(f"{FILE}cell_id", "pk").values(*FACTS):
        text = circuit or facts["circuit"] or default
        cell = facts[f"{FILE}cell_id"]
        is_alone = (
            not together
            or cell is None
            # It would lead its neighbours astray.
            or facts["review"] == ImpedanceSpectrum.Review.REJECTED
        )
        groups[(text, None, facts["pk"]) if is_alone else (text, cell)].append(facts)
    return [plan for key, group in groups.items() for plan in _plans_of_group(key, group)]


def _plans_of_group(key: Key, group: list[Facts]) -> Iterator[Plan]:
    """Series by series: what is at one voltage and temperature."""
    for number, places in enumerate(alike([_conditions(facts) for facts in group])):
        yield from _plans((*key, number), [group[place] for place in places])


def _plans(key: Key, group: list[Facts]) -> Iterator[Plan]:
    group.sort(key=_moment)
    for start in range(0, len(group), MOST_SPECTRA):
        piece = group[start : start + MOST_SPECTRA]
        digests = [fingerprint_of(facts, key[0]) for facts in piece]
        if len(piece) < FEWEST_SPECTRA:
            yield from (
                Plan(facts["pk"], key[0], None, digest)
                for facts, digest in zip(piece, digests, strict=True)
            )
            continue
        whole = _digest(digests)
        for facts, digest in zip(piece, digests, strict=True):
            yield Plan(facts["pk"], key[0], (*key, start), _digest((digest, whole)))


def _conditions(facts: Facts) -> Conditions:
    degrees = facts["temperature_celsius"]
    if degrees is None:
        degrees = facts[f"{FILE}temperature_celsius"]
    return facts["voltage_volt"], degrees


def _moment(facts: Facts) -> tuple[float, int, int]:
    cycle = cycle_of(
        facts[f"{FILE}start_cycle"], facts["cycle_count"], facts["source__format_name"]
    )
    return (float("inf") if cycle is None else float(cycle), facts["source_id"], facts["number"])


def fingerprint_of(facts: Facts, circuit: str) -> str:
    """Digest of all that the fit of one spectrum alone depends on."""
    return _digest(
        (
            facts["source__sha256"],
            facts["source__reader_version"],
            facts["number"],
            sorted(facts["masked_points"]),
            circuit,
            METHOD_VERSION,
        )
    )


def facts_of(spectrum: ImpedanceSpectrum) -> Facts:
    """The facts of a row that is here already; only those that a fit alone depends on."""
    return {
        "number": spectrum.number,
        "masked_points": spectrum.masked_points,
        "source__sha256": spectrum.source.sha256,
        "source__reader_version": spectrum.source.reader_version,
    }


def _digest(parts: Sequence[Any] | Iterable[Any]) -> str:
    return hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()
