"""Fits what is new or stale: spectra that have no fit of today's points, mask and program."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.spectra import Spectrum
from eis.circuits import Circuit
from eis.fitting import fit_spectra
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.results import FAILED, METHOD_VERSION, FitResult
from eis.series import FEWEST_SPECTRA, fit_series
from eis.services.circuits import circuit_of, lab_circuit
from eis.services.spectra import measured
from eis.validity import Validity, linear_kk

AT_ONCE = 256  # spectra whose fits are written in one transaction
LISTED = 100
FACTS = (
    "pk", "number", "masked_points", "circuit", "source__sha256", "source__reader_version",
)  # fmt: skip


def stale_spectra(cell_id: int | None = None) -> list[int]:
    """Ids of spectra in use without an up-to-date fit (two queries)."""
    spectra = ImpedanceSpectrum.objects.in_use()
    if cell_id is not None:
        spectra = ImpedanceSpectrum.objects.of_cell(cell_id)
    fitted = dict(
        CircuitFit.objects.filter(is_chosen=True, spectrum__in=spectra).values_list(
            "spectrum_id", "fingerprint"
        )
    )
    default = lab_circuit().text
    by_cell = spectra.order_by("source__file__metadata__cell_id", "pk")
    return [
        facts["pk"]
        for facts in by_cell.values(*FACTS)
        if fitted.get(facts["pk"]) != _fingerprint(facts, facts["circuit"] or default)
    ]


def fit_spectra_job(context: JobContext) -> Done:
    """Job: fit ``params["spectrum_ids"]``, each with its own circuit or ``params["circuit"]``.

    A spectrum that can not be fitted gets a row that says why, and the others go on.
    """
    wanted = context.params["spectrum_ids"]
    own = context.params.get("circuit", "")
    spectra = list(
        ImpedanceSpectrum.objects.filter(pk__in=wanted)
        .select_related("source__file__metadata")
        .order_by("pk")
    )
    outcomes: list[CircuitFit] = []
    for circuit, part in _parts(spectra, own):
        context.progress(len(outcomes), len(spectra), f"{len(part)} spectra with {circuit.text}")
        outcomes += _fit_part(circuit, part, context)
    return Done(_count(outcomes, {s.pk: s for s in spectra}), url=_url(spectra))


def _url(spectra: Sequence[ImpedanceSpectrum]) -> str:
    return spectra[0].get_absolute_url() if len(spectra) == 1 else ""


def _parts(
    spectra: Sequence[ImpedanceSpectrum], own: str
) -> Iterator[tuple[Circuit, list[ImpedanceSpectrum]]]:
    by_circuit: dict[str, list[ImpedanceSpectrum]] = defaultdict(list)
    for spectrum in spectra:
        by_circuit[own or spectrum.circuit or lab_circuit().text].append(spectrum)
    for text, group in by_circuit.items():
        for start in range(0, len(group), AT_ONCE):
            yield circuit_of(text), group[start : start + AT_ONCE]


def _fit_part(
    circuit: Circuit, part: list[ImpedanceSpectrum], context: JobContext
) -> list[CircuitFit]:
    points, lost = _points(part)
    there = [spectrum for spectrum in part if spectrum.pk in points]
    chosen = [points[spectrum.pk] for spectrum in there]
    results = _results(there, chosen, circuit, series=bool(context.params.get("series")))
    for spectrum, test in zip(there, linear_kk(chosen), strict=True):
        spectrum.validity = validity_of(test)
    fits = [make_fit(s, circuit, result) for s, result in zip(there, results, strict=True)]
    fits += [_lost(s, circuit, lost[s.pk]) for s in part if s.pk in lost]
    with context.fenced(), transaction.atomic():
        save_fits(fits)
        ImpedanceSpectrum.objects.bulk_update(there, ["validity"], batch_size=200)
    return fits


def _results(
    rows: Sequence[ImpedanceSpectrum],
    spectra: Sequence[Spectrum],
    circuit: Circuit,
    *,
    series: bool,
) -> list[FitResult]:
    """Fits in the order given; with ``series`` those of one cell, under like conditions, together."""
    if not series:
        return fit_spectra(spectra, circuit)
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[_conditions(row)].append(place)
    found: dict[int, FitResult] = {}
    alone = [place for group in groups.values() if len(group) < FEWEST_SPECTRA for place in group]
    found |= zip(alone, fit_spectra([spectra[place] for place in alone], circuit), strict=True)
    for group in groups.values():
        if len(group) >= FEWEST_SPECTRA:
            group.sort(key=lambda place: _moment(rows[place]))
            fitted = fit_series([spectra[place] for place in group], circuit)
            found |= zip(group, fitted, strict=True)
    return [found[place] for place in range(len(rows))]


def _conditions(row: ImpedanceSpectrum) -> tuple[Any, ...]:
    """What the spectra of a series share: cell, voltage to 0.1 V, temperature to 5 degC."""
    metadata = getattr(row.source.file, "metadata", None)
    cell_id = metadata.cell_id if metadata else None
    if cell_id is None:
        return ("alone", row.pk)
    degrees = row.temperature_celsius
    if degrees is None and metadata is not None:
        degrees = metadata.temperature_celsius
    volts = row.voltage_volt
    return (
        cell_id,
        None if volts is None else round(volts, 1),
        None if degrees is None else round(degrees / 5),
    )


def _moment(row: ImpedanceSpectrum) -> tuple[float, int, int]:
    start = row.source.file.metadata.start_cycle
    cycle = start if start is not None else row.cycle_count
    return (float("inf") if cycle is None else float(cycle), row.source_id, row.number)


def validity_of(test: Validity) -> dict[str, Any]:
    """The Kramers-Kronig test as it is kept beside a spectrum."""
    return {
        "verdict": test.verdict,
        "reason": test.reason,
        "root_mean_square": _finite(test.root_mean_square),
        "outliers": test.outliers.nonzero()[0].tolist(),
    }


def _points(
    part: Sequence[ImpedanceSpectrum],
) -> tuple[dict[int, Spectrum], dict[int, str]]:
    """Points by spectrum, and why others could not be had: a damaged table stops only its own."""
    found: dict[int, Spectrum] = {}
    lost: dict[int, str] = {}
    by_source: dict[int, list[ImpedanceSpectrum]] = defaultdict(list)
    for spectrum in part:
        by_source[spectrum.source_id].append(spectrum)
    for group in by_source.values():
        try:
            found |= measured(group)
        except (LabError, OSError) as error:
            lost |= {spectrum.pk: str(error) for spectrum in group}
    return found, lost


def save_fits(fits: Sequence[CircuitFit]) -> None:
    """Write fits in the place of those of the same circuit; they become the chosen ones.

    A spectrum that was imported anew meanwhile is left for the next time.
    """
    ids = [fit.spectrum_id for fit in fits]
    present = set(
        ImpedanceSpectrum.objects.select_for_update(of=("self",))
        .filter(pk__in=ids)
        .values_list("pk", flat=True)
    )
    rows = [fit for fit in fits if fit.spectrum_id in present]
    CircuitFit.objects.filter(spectrum__in=present, is_chosen=True).update(is_chosen=False)
    for circuit in {fit.circuit for fit in rows}:
        CircuitFit.objects.filter(spectrum__in=present, circuit=circuit).delete()
    CircuitFit.objects.bulk_create(rows, batch_size=200)


def make_fit(spectrum: ImpedanceSpectrum, circuit: Circuit, result: FitResult) -> CircuitFit:
    failed = result.status == FAILED
    return CircuitFit(
        spectrum=spectrum,
        circuit=circuit.text,
        status=result.status,
        reason=result.reason,
        parameters={} if failed else parameters_of(result),
        scaled_error=None if failed else result.scaled_error,
        start_scaled_error=None if failed else result.start_scaled_error,
        start_method=result.start_method,
        complexity=None if failed else result.complexity,
        method=result.method,
        versions=dict(result.versions),
        fingerprint=fingerprint_of(spectrum, circuit),
        fitted_at=timezone.now(),
    )


def _lost(spectrum: ImpedanceSpectrum, circuit: Circuit, reason: str) -> CircuitFit:
    return CircuitFit(
        spectrum=spectrum,
        circuit=circuit.text,
        status=CircuitFit.Status.FAILED,
        reason=reason,
        fitted_at=timezone.now(),
    )


def parameters_of(result: FitResult) -> dict[str, dict[str, Any]]:
    """Per parameter: unit, value, error, 90 % interval, whether it is held, first guess."""
    columns = zip(
        result.parameter_names,
        result.parameter_units,
        result.parameters,
        result.standard_errors,
        result.interval_low,
        result.interval_high,
        result.identifiable,
        result.start_parameters,
        strict=True,
    )
    return {
        name: {
            "unit": unit,
            "value": float(value),
            "error": _finite(error),
            "low": _finite(low),
            "high": _finite(high),
            "identifiable": bool(held),
            "start": _finite(start),
        }
        for name, unit, value, error, low, high, held, start in columns
    }


def _finite(value: float) -> float | None:
    number = float(value)
    return number if number - number == 0 else None


def fingerprint_of(spectrum: ImpedanceSpectrum, circuit: Circuit) -> str:
    facts = {
        "number": spectrum.number,
        "masked_points": spectrum.masked_points,
        "source__sha256": spectrum.source.sha256,
        "source__reader_version": spectrum.source.reader_version,
    }
    return _fingerprint(facts, circuit.text)


def _fingerprint(facts: dict[str, Any], circuit: str) -> str:
    """Digest of all that a fit depends on: points, mask, circuit, program."""
    parts = (
        facts["source__sha256"],
        facts["source__reader_version"],
        facts["number"],
        sorted(facts["masked_points"]),
        circuit,
        METHOD_VERSION,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _count(fits: Iterable[CircuitFit], spectra: dict[int, ImpedanceSpectrum]) -> dict[str, Any]:
    fits = list(fits)
    counts = {f"fits_{s}": sum(fit.status == s for fit in fits) for s in CircuitFit.Status.values}
    failures = [
        {"name": spectra[fit.spectrum_id].name, "error": fit.reason, "fix": ""}
        for fit in fits
        if fit.status == CircuitFit.Status.FAILED
    ]
    return {**counts, "unfitted": failures[:LISTED]}
