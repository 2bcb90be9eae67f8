"""Kinds of job, declared in each app's ``tasks.py``; the body imports ``jobs`` itself.

@job_kind("cycling.import_files", queue="cycling", title="Import cycling files")
def import_files(ctx: JobContext) -> Outcome:
    from cycling import jobs
    return jobs.import_files(ctx)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from battery_db.lib.runs.context import JobContext


class Cancelled(Exception):
    """A person asked the job to stop."""


class LeaseLost(Exception):
    """Another worker holds the job now; whatever this one was writing is rolled back."""


@dataclass(frozen=True, slots=True)
class Done:
    """The job has succeeded. ``save`` runs in the transaction that finishes the row."""

    result: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    save: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A part that a waiting job starts.

    With a ``key`` that another active job holds, the part is left to that job.
    """

    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Start ``children``, and run this job again with ``memory`` when all have ended."""

    children: list[JobRequest]
    memory: dict[str, Any]
    text: str = ""  # shown beside the number of parts that have ended


Outcome = Done | Wait
Body = Callable[["JobContext"], Outcome]


@dataclass(frozen=True, slots=True)
class JobKind:
    name: str
    queue: str
    title: str
    body: Body


_kinds: dict[str, JobKind] = {}


def job_kind(name: str, *, queue: str, title: str) -> Callable[[Body], Body]:
    """Declare a kind of job; ``queue`` is the app whose workers run it."""

    def declare(body: Body) -> Body:
        known = _kinds.get(name)
        if known is not None and known.body.__module__ != body.__module__:
            raise ValueError(f"Two kinds of job are called {name!r}.")
        _kinds[name] = JobKind(name, queue, title, body)
        return body

    return declare


def find_kind(name: str) -> JobKind:
    """The kind called ``name``; KeyError when no app declares it."""
    return _kinds[name]


def kind_titles() -> dict[str, str]:
    """Name and title of every declared kind."""
    return {kind.name: kind.title for kind in _kinds.values()}
