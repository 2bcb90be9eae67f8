"""The kinds of job that impedance runs; each imports its ``jobs`` when it starts."""

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Outcome, job_kind


@job_kind("eis.import_files", queue="eis", title="Import impedance files")
def import_files(context: JobContext) -> Outcome:
    from eis.jobs import importing

    return importing.import_files(context)


@job_kind("eis.fit_spectra", queue="eis", title="Fit impedance spectra")
def fit_spectra(context: JobContext) -> Outcome:
    from eis.jobs import fitting

    return fitting.fit_spectra_job(context)


@job_kind("eis.refresh_cell", queue="eis", title="Import and fit the spectra of one cell")
def refresh_cell(context: JobContext) -> Outcome:
    from eis.jobs import refreshing

    return refreshing.refresh_cell(context)


@job_kind("eis.take_in", queue="eis", title="Import and fit uploaded impedance")
def take_in(context: JobContext) -> Outcome:
    from eis.jobs import refreshing

    return refreshing.take_in(context)


@job_kind("eis.compare_circuits", queue="eis", title="Compare circuits")
def compare_circuits(context: JobContext) -> Outcome:
    from eis.jobs import comparing

    return comparing.compare_circuits(context)
