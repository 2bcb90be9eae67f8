"""Kinds of job that exist in tests only, and what is done with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from battery_db.lib.runs import engine, registry
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import Done, Wait


@contextmanager
def kind(name: str, body: registry.Body) -> Iterator[str]:
    """Declare a kind of job for a while."""
    registry.job_kind(name, queue="default", title=name)(body)
    try:
        yield name
    finally:
        del registry._kinds[name]


def enqueue(name="tests.effect", params=None, **values):
    return engine.enqueue(name, params, trigger=Job.Trigger.PAGE, **values)


def fresh(job):
    return Job.objects.get(pk=job.pk)


def expire(job):
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def whole(*parts, text=""):
    """A body that starts ``parts`` and then counts how they ended."""

    def body(context):
        if not context.memory:
            return Wait(list(parts), {"started": True}, text)
        children = Job.objects.get(pk=context.job_id).children.all()
        return Done({"states": sorted(child.state for child in children)})

    return body
