"""Fit a calibration, keep it with its report, and let it judge what others had judged."""

from dataclasses import asdict, replace
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs import engine
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import Done
from battery_db.lib.storage import storage
from ftir import archive
from ftir import report as reports
from ftir.models import Calibration
from ftir.penalties import Kind, Penalties
from ftir.services import calibrations


def fit_calibration(context: JobContext) -> Done:
    """Job: fit ``params["calibration_id"]``; with ``use`` it judges from then on."""
    calibration = Calibration.objects.filter(pk=context.params["calibration_id"]).first()
    if calibration is None:
        raise LabError("The calibration is no longer there.", fix="Make it again.")
    if calibration.state == Calibration.State.READY:
        return _done(calibration)
    # Before the samples are read: what is edited from here on is not what was fitted.
    digest = calibrations.digest_of(calibration)
    try:
        shared = calibrations.shared_range(calibration)
        samples = calibrations.load_samples(calibration)
        made = reports.calibrate(
            samples,
            replace(Penalties(), **calibration.penalties),
            _kind(calibration),
            context.progress,
        )
    except LabError as error:
        Calibration.objects.filter(pk=calibration.pk).update(
            state=Calibration.State.FAILED, error=error.message, fix=error.fix
        )
        raise
    names = {
        "archive_name": f"ftir/calibrations/{digest}.npz",
        "report_name": f"ftir/calibrations/{digest}.report.npz",
    }
    storage("series").save(names["archive_name"], ContentFile(archive.dump(made.fitted)))
    storage("series").save(names["report_name"], ContentFile(reports.dump_arrays(made.arrays)))

    step = float(samples.wavenumber_per_cm[1] - samples.wavenumber_per_cm[0])
    summary = {**made.summary, "range": asdict(shared), "step_per_cm": step}

    def save() -> None:
        _finish(calibration, {**names, "report": summary, "samples_digest": digest})
        nobody = not Calibration.objects.filter(in_use=True).exists()
        if context.params.get("use") or nobody:
            calibrations.put_in_use(calibration)
            _judge_again(context)

    return _done(calibration, save)


def _kind(calibration: Calibration) -> Kind:
    return "constant" if calibration.kind == Calibration.Kind.CONSTANT else "linear"


def _finish(calibration: Calibration, values: dict[str, Any]) -> None:
    row = Calibration.objects.select_for_update().filter(pk=calibration.pk).first()
    if row is None:
        raise LabError("The calibration was deleted while it was fitted.", fix="Make it again.")
    if values["samples_digest"] != calibrations.digest_of(row):
        raise NotAllowed("The samples were changed while they were fitted.", fix="Fit again.")
    for name, value in values.items():
        setattr(calibration, name, value)
    calibration.state, calibration.error, calibration.fix = Calibration.State.READY, "", ""
    calibration.fitted_at = timezone.now()
    calibration.save()


def _judge_again(context: JobContext) -> None:
    engine.enqueue(
        "ftir.estimate_compositions",
        {},
        trigger=Job.Trigger.JOB,
        title="Estimate compositions with the new calibration",
        key="ftir.estimate_compositions",
    )


def _done(calibration: Calibration, save: Any = None) -> Done:
    return Done({"calibration": str(calibration)}, url=calibration.get_absolute_url(), save=save)
