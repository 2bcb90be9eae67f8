"""Kinds of job of this app; the bodies import ``jobs`` themselves."""

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done, Outcome, job_kind


@job_kind("cells.scan", queue="cells", title="Scan folders")
def scan(ctx: JobContext) -> Outcome:
    """``folder_id`` or ``folder_ids``; without them every active folder."""
    from cells.jobs import files

    ids = ctx.params.get("folder_ids")
    if "folder_id" in ctx.params:
        ids = [ctx.params["folder_id"]]
    result = files.scan_folders(ids, ctx.progress, ctx.fenced)
    for error in result["errors"]:
        ctx.log(f"{error['folder']}: {error['error']} {error['fix']}", level="warning")
    return Done(result=result)


@job_kind("cells.identify", queue="cells", title="Read file names")
def identify(ctx: JobContext) -> Outcome:
    from cells.jobs import files

    return Done(result=files.identify_files(ctx.progress, ctx.fenced))


@job_kind("cells.change_files", queue="cells", title="Change many files")
def change_files(ctx: JobContext) -> Outcome:
    """``action`` is correct (``rows``), reparse or deprecate (``files``)."""
    from cells.jobs import bulk

    return bulk.change_files(ctx)
