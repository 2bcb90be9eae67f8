"""What the imports of all techniques share: files one by one, and why one was refused."""

import errno
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from django.db import DatabaseError

from battery_db.lib.errors import LabError
from battery_db.lib.runs.context import JobContext

log = logging.getLogger(__name__)
LISTED = 100  # files that a report names
FULL = (errno.ENOSPC, errno.EDQUOT)
# Opens the transaction in which results are written, while the worker still has the job.
Fence = Callable[[], AbstractContextManager[None]]


class NotStored(LabError):
    """The storage did not take a series: of the machine, so the next night tries again."""

    def __init__(self, error: Exception) -> None:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else f"{type(error).__name__}: {error}"
        if number in FULL:
            message, fix = f"The server's storage is full ({reason}).", "Free space on the server"
        else:
            message = f"The storage did not take the imported series ({reason})."
            fix = "Check that the server's storage is there and may be written"
        super().__init__(message, fix=f"{fix}; the next night tries again.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file could not be imported. ``is_transient``: of the machine, not of the content."""

    message: str
    fix: str
    is_transient: bool = False


class Outcome(Protocol):
    """What became of one file."""

    @property
    def file_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def fix(self) -> str: ...


class Named(Protocol):
    """A file to import."""

    name: Any


File = TypeVar("File", bound=Named)
Made = TypeVar("Made", bound=Outcome)


def import_each(
    context: JobContext, files: Sequence[File], import_file: Callable[..., Made]
) -> list[Made]:
    """``import_file(file, fence=…)`` of each; one bad file never stops the others."""
    outcomes = []
    for index, file in enumerate(files):
        context.progress(index, len(files), file.name)
        context.check_cancelled()
        outcome = import_file(file, fence=context.fenced)
        if outcome.status == "failed":
            context.log(f"{outcome.name}: {outcome.error}", "warning")
        outcomes.append(outcome)
    return outcomes


def count_statuses(outcomes: Sequence[Outcome], statuses: Iterable[str]) -> dict[str, Any]:
    """How many files came to each status, and which failed or were read in part, and why."""
    result: dict[str, Any] = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in (*statuses, "waiting")
    }
    for name, status in (("failures", "failed"), ("partials", "partial")):
        if status in result:
            result[name] = [
                {"file_id": o.file_id, "name": o.name, "error": o.error, "fix": o.fix}
                for o in outcomes
                if o.status == status
            ][:LISTED]
    return result


def refusal_of(error: Exception, name: str) -> Refusal:
    """What to tell of an error that ended the import of the file ``name``.

    One of the database is raised again: it says nothing about the file.
    """
    if isinstance(error, DatabaseError):
        raise error
    if isinstance(error, LabError):
        # A right that is missing today may be given tomorrow, with the content unchanged.
        transient = isinstance(error, NotStored) or isinstance(error.__cause__, OSError)
        return Refusal(error.message, error.fix, transient)
    if isinstance(error, OSError):
        return Refusal(*_explain(error), is_transient=True)
    log.error("Importing %s failed.", name, exc_info=error)
    message = f"The reader failed: {type(error).__name__}: {error}"
    return Refusal(message, "Please report this file to the maintainers.")


def _explain(error: OSError) -> tuple[str, str]:
    """Of the machine: a full disk, a share that is gone or gives no answer."""
    if error.errno in FULL:
        refusal = NotStored(error)
        return refusal.message, refusal.fix
    reason = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"The file could not be read from its folder ({reason}).",
        "Check that the folder is mounted and may be read; the next night tries again.",
    )
