"""Fits spectra and keeps what comes of it; ``staleness`` says which."""

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
from eis.jobs.guessing import Guessing, guessing_in_use
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.results import FAILED, FitResult
from eis.series import fit_series
from eis.services.circuits import circuit_of
from eis.services.spectra import measured
from eis.services.staleness import Plan, facts_of, fingerprint_of, plans_of
from eis.validity import Validity, linear_kk

AT_ONCE = 256  # spectra whose fits are written in one transaction
LISTED = 100


def fit_spectra_job(context: JobContext) -> Done:
    """Job: fit ``params["spectrum_ids"]``, each with its own circuit or ``params["circuit"]``.

    With ``params["series"]`` those of one cell under like conditions are fitted together. A
    spectrum that can not be fitted gets a row that says why, and the others go on.
    """
    wanted = ImpedanceSpectrum.objects.filter(pk__in=context.params["spectrum_ids"])
    plans = plans_of(
        wanted,
        circuit=context.params.get("circuit", ""),
        together=bool(context.params.get("series")),
    )
    spectra = wanted.select_related("source__file__metadata").in_bulk()
    guessing = guessing_in_use(context.log)
    outcomes: list[CircuitFit] = []
    for part in _parts([plan for plan in plans if plan.spectrum_id in spectra]):
        text = f"{len(part)} spectra with {part[0].circuit}"
        context.progress(len(outcomes), len(plans), text)
        rows = [spectra[plan.spectrum_id] for plan in part]
        outcomes += _fit_part(rows, part, guessing, context)
    return Done(_count(outcomes, spectra), url=_url(list(spectra.values())))


def _url(spectra: Sequence[ImpedanceSpectrum]) -> str:
    return spectra[0].get_absolute_url() if len(spectra) == 1 else ""


def _parts(plans: Iterable[Plan]) -> Iterator[list[Plan]]:
    """Whole series, and the others with one circuit some at a time."""
    groups: dict[tuple[Any, ...], list[Plan]] = defaultdict(list)
    for plan in plans:
        groups[(plan.circuit, plan.series)].append(plan)
    for (_, series), group in groups.items():
        size = AT_ONCE if series is None else len(group)
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _fit_part(
    part: list[ImpedanceSpectrum], plans: Sequence[Plan], guessing: Guessing, context: JobContext
) -> list[CircuitFit]:
    circuit = circuit_of(plans[0].circuit)
    prints = {plan.spectrum_id: plan.fingerprint for plan in plans}
    points, lost = _points(part)
    there = [spectrum for spectrum in part if spectrum.pk in points]
    chosen = [points[spectrum.pk] for spectrum in there]
    together = fit_series if plans[0].series else fit_spectra
    results = together(chosen, circuit, guessing.options)
    for spectrum, test, measured_one in zip(there, linear_kk(chosen), chosen, strict=True):
        spectrum.validity = validity_of(test) | signs_of(measured_one)
    fits = [
        make_fit(s, circuit, result, prints[s.pk]) for s, result in zip(there, results, strict=True)
    ]
    for fit in fits:
        fit.versions["network"] = guessing.version
    fits += [_lost(s, circuit, lost[s.pk]) for s in part if s.pk in lost]
    with context.fenced(), transaction.atomic():
        save_fits(fits)
        ImpedanceSpectrum.objects.bulk_update(there, ["validity"], batch_size=200)
    return fits


def validity_of(test: Validity) -> dict[str, Any]:
    """The Kramers-Kronig test as it is kept beside a spectrum."""
    return {
        "verdict": test.verdict,
        "reason": test.reason,
        "root_mean_square": _finite(test.root_mean_square),
        "outliers": test.outliers.nonzero()[0].tolist(),
    }


def signs_of(spectrum: Spectrum) -> dict[str, int]:
    """How many points are inductive, or have a negative real part: they are kept, and labelled."""
    impedance = spectrum.impedance_ohm[spectrum.usable]
    return {
        "inductive": int((impedance.imag > 0).sum()),
        "negative_real": int((impedance.real < 0).sum()),
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


def make_fit(
    spectrum: ImpedanceSpectrum, circuit: Circuit, result: FitResult, fingerprint: str = ""
) -> CircuitFit:
    """The row of a result; without ``fingerprint`` that of a fit of this spectrum alone."""
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
        fingerprint=fingerprint or fingerprint_of(facts_of(spectrum), circuit.text),
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


def _count(fits: Iterable[CircuitFit], spectra: dict[int, ImpedanceSpectrum]) -> dict[str, Any]:
    fits = list(fits)
    counts = {f"fits_{s}": sum(fit.status == s for fit in fits) for s in CircuitFit.Status.values}
    failures = [
        {"name": spectra[fit.spectrum_id].name, "error": fit.reason, "fix": ""}
        for fit in fits
        if fit.status == CircuitFit.Status.FAILED
    ]
    return {**counts, "unfitted": failures[:LISTED]}
