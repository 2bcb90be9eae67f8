"""Kinds of job that exist in tests only."""

from collections.abc import Iterator
from contextlib import contextmanager

from battery_db.lib.runs import registry


@contextmanager
def kind(name: str, body: registry.Body) -> Iterator[str]:
    """Declare a kind of job for a while."""
    registry.job_kind(name, queue="default", title=name)(body)
    try:
        yield name
    finally:
        del registry._kinds[name]
