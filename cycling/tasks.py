"""The kinds of job that cycling runs; each imports its ``jobs`` when it starts."""

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Outcome, job_kind


@job_kind("cycling.import_files", queue="cycling", title="Import cycling files")
def import_files(context: JobContext) -> Outcome:
    from cycling.jobs import importing

    return importing.import_files(context)


@job_kind("cycling.group_cells", queue="cycling", title="Group cycles")
def group_cells(context: JobContext) -> Outcome:
    from cycling.jobs import grouping

    return grouping.group_cells(context)


@job_kind("cycling.refresh_cell", queue="cycling", title="Import and group one cell")
def refresh_cell(context: JobContext) -> Outcome:
    from cycling.jobs import refreshing

    return refreshing.refresh_cell(context)


@job_kind("cycling.reimport_cells", queue="cycling", title="Import cells again")
def reimport_cells(context: JobContext) -> Outcome:
    from cycling.jobs import refreshing

    return refreshing.reimport_cells(context)


@job_kind("cycling.export_dataset", queue="cycling", title="Export a dataset as CSV")
def export_dataset(context: JobContext) -> Outcome:
    from cycling.jobs import exporting

    return exporting.export_dataset(context)


@job_kind("cycling.compile_dataset", queue="cycling", title="Compile a dataset to tensors")
def compile_dataset(context: JobContext) -> Outcome:
    from cycling.jobs import compiling

    return compiling.compile_dataset(context)


@job_kind("cycling.find_problems", queue="cycling", title="Look for problems")
def find_problems(context: JobContext) -> Outcome:
    from cycling.jobs import problems

    return problems.find_problems(context)
