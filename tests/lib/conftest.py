"""What the tests of jobs share."""

import pytest

from battery_db.lib.runs import transitions
from battery_db.lib.runs.registry import Done
from tests.lib.kinds import kind


@pytest.fixture
def effects():
    """What jobs of kind ``tests.effect`` have done."""
    done = []
    body = lambda context: Done(save=lambda: done.append(context.params.get("name")))  # noqa: E731
    with kind("tests.effect", body):
        yield done


@pytest.fixture
def sent(monkeypatch):
    """Ids of the jobs whose wake-up was handed to the broker."""
    ids = []
    monkeypatch.setattr(transitions, "send", lambda job: ids.append(job.pk))
    return ids
