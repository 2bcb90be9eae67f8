"""Fits several circuits to each spectrum and says which of them it speaks for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.contrib.auth import get_user_model
from django.db import transaction

from battery_db.lib.errors import LabError
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from eis.circuits import Circuit
from eis.jobs.fitting import make_fit
from eis.jobs.guessing import Guessing, guessing_in_use
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.selection import Selection, select_circuit
from eis.services.circuits import circuit_of
from eis.services.spectra import choose_circuit, measured

LISTED = 100


@dataclass(frozen=True, slots=True)
class Compared:
    name: str
    circuit: str = ""
    error: str = ""


def compare_circuits(context: JobContext) -> Done:
    """Job: fit ``params["circuits"]`` to each of ``params["spectrum_ids"]``, and prefer one.

    With ``params["use"]`` the preferred circuit becomes that of the spectrum. A spectrum
    whose points are lost, or that no circuit fits, is named, and the others go on.
    """
    circuits = [circuit_of(text) for text in context.params["circuits"]]
    rows = ImpedanceSpectrum.objects.filter(pk__in=context.params["spectrum_ids"])
    spectra = list(rows.select_related("source").order_by("pk"))
    guessing = guessing_in_use(context.log)
    outcomes = []
    for done, spectrum in enumerate(spectra):
        context.progress(done, len(spectra), f"{len(circuits)} circuits to {spectrum.name}")
        outcomes.append(_compare(spectrum, circuits, guessing, context))
    preferred: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.circuit:
            preferred[outcome.circuit] = preferred.get(outcome.circuit, 0) + 1
    failures = [{"name": o.name, "error": o.error, "fix": ""} for o in outcomes if o.error]
    result = {"spectra": len(spectra), "preferred": preferred, "unfitted": failures[:LISTED]}
    return Done(result, url=spectra[0].get_absolute_url() if len(spectra) == 1 else "")


def _compare(
    spectrum: ImpedanceSpectrum,
    circuits: Sequence[Circuit],
    guessing: Guessing,
    context: JobContext,
) -> Compared:
    try:
        points = measured([spectrum])[spectrum.pk]
    except (LabError, OSError) as error:
        return Compared(spectrum.name, error=str(error))
    (selection,) = select_circuit([points], circuits, guessing.options)
    with context.fenced(), transaction.atomic():
        save_comparison(spectrum, circuits, selection, guessing.version)
        if context.params.get("use") and selection.result.succeeded:
            _use(spectrum, circuits[selection.chosen], context.requested_by_id)
    if not selection.result.succeeded:
        return Compared(spectrum.name, error=selection.result.reason)
    return Compared(spectrum.name, circuits[selection.chosen].text)


def save_comparison(
    spectrum: ImpedanceSpectrum, circuits: Sequence[Circuit], selection: Selection, network: str
) -> None:
    """Keep the fits beside what is there; the circuit in use stays in use."""
    ImpedanceSpectrum.objects.select_for_update().get(pk=spectrum.pk)
    fits = CircuitFit.objects.filter(spectrum=spectrum)
    in_use = fits.filter(is_chosen=True).values_list("circuit", flat=True).first()
    fits.filter(circuit__in=[circuit.text for circuit in circuits]).delete()
    fits.update(criterion=None, is_preferred=False)
    rows = []
    for place, circuit in enumerate(circuits):
        row = make_fit(spectrum, circuit, selection.results[place])
        value = float(selection.criterion[place])
        row.criterion = value if np.isfinite(value) else None
        row.is_preferred = place == selection.chosen and selection.result.succeeded
        row.is_chosen = circuit.text == in_use
        row.versions["network"] = network
        rows.append(row)
    CircuitFit.objects.bulk_create(rows)


def _use(spectrum: ImpedanceSpectrum, circuit: Circuit, by_id: int | None) -> None:
    by = get_user_model().objects.filter(pk=by_id).first() if by_id else None
    choose_circuit(spectrum, circuit.text, by=by)
    fits = CircuitFit.objects.filter(spectrum=spectrum)
    fits.filter(is_chosen=True).update(is_chosen=False)
    fits.filter(circuit=circuit.text).update(is_chosen=True)
