"""The kinds of job that infrared spectra need; each imports its ``jobs`` when it starts."""

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Outcome, job_kind


@job_kind("ftir.import_files", queue="ftir", title="Import infrared files")
def import_files(context: JobContext) -> Outcome:
    from ftir.jobs import importing

    return importing.import_files(context)


@job_kind("ftir.estimate_compositions", queue="ftir", title="Estimate compositions")
def estimate_compositions(context: JobContext) -> Outcome:
    from ftir.jobs import estimating

    return estimating.estimate_compositions(context)


@job_kind("ftir.make_demonstration", queue="ftir", title="Make the demonstration calibration")
def make_demonstration(context: JobContext) -> Outcome:
    from ftir.jobs import demonstrating

    return demonstrating.make_demonstration(context)


@job_kind("ftir.fit_calibration", queue="ftir", title="Fit a calibration")
def fit_calibration(context: JobContext) -> Outcome:
    from ftir.jobs import fitting

    return fitting.fit_calibration(context)
