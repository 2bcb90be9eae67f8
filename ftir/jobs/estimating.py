"""Compositions of spectra that the calibration in use has not judged."""

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from ftir.models import InfraredSpectrum
from ftir.services import compositions


def estimate_compositions(context: JobContext) -> Done:
    """Job: judge ``params["spectrum_ids"]``, or all that wait; each is kept at once."""
    calibration = compositions.calibration_in_use()
    if calibration is None:
        return Done({"estimated": 0})
    wanted = context.params.get("spectrum_ids")
    rows = compositions.waiting(calibration)
    if wanted is not None:
        rows = rows.filter(pk__in=wanted)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    result = {"estimated": 0, "out_of_calibration": 0}
    for index, pk in enumerate(ids):
        spectrum = InfraredSpectrum.objects.filter(pk=pk).first()
        context.progress(index, len(ids), str(spectrum or ""))
        if spectrum is None:
            continue
        with context.fenced():
            found = compositions.estimate(spectrum, calibration)
        result["estimated"] += 1
        result["out_of_calibration"] += not found.in_calibration
    return Done(result, url="/ftir/spectra/")
