"""Jobs that wait for the jobs they started."""

import pytest

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import JobRequest, Wait
from tests.lib.kinds import enqueue, fresh, kind, whole

pytestmark = pytest.mark.django_db
State = Job.State


def test_a_whole_waits_for_its_parts_and_goes_on_although_one_failed(effects):
    def fail(context):
        raise LabError("no")

    parts = [JobRequest("tests.effect"), JobRequest("tests.fails"), JobRequest("tests.effect")]
    with kind("tests.fails", fail), kind("tests.whole", whole(*parts, text="Import")):
        job = enqueue("tests.whole")
        engine.run_job(job.pk)
        waiting = fresh(job)
        engine.run_job(job.children.filter(kind="tests.effect").first().pk)
        progressed = fresh(job)
        engine.drain()

    assert (waiting.state, waiting.percent, waiting.progress_text) == (State.WAITING, 0, "Import")
    assert (progressed.progress_done, progressed.progress_total) == (1, 3)
    assert fresh(job).result == {"states": ["failed", "succeeded", "succeeded"]}


def test_a_whole_without_parts_goes_on_at_once():
    with kind("tests.whole", whole()):
        job = enqueue("tests.whole")
        engine.drain()

    assert fresh(job).state == State.SUCCEEDED


def test_a_part_whose_key_is_taken_is_left_to_the_other_job(effects):
    other = enqueue(key="scan")
    parts = [JobRequest("tests.effect", key="scan"), JobRequest("tests.effect", key="free")]
    with kind("tests.whole", whole(*parts)):
        job = enqueue("tests.whole")
        engine.run_job(job.pk)

    assert [child.key for child in job.children.all()] == ["free"]
    assert fresh(job).progress_total == 1
    assert "already doing it" in job.log_lines.get().text
    assert fresh(other).parent is None


def test_cancelling_reaches_parts_of_parts(effects):
    inner = whole(JobRequest("tests.effect"), JobRequest("tests.effect"))
    outer = whole(JobRequest("tests.inner"), JobRequest("tests.effect"))
    with kind("tests.inner", inner), kind("tests.outer", outer):
        job = enqueue("tests.outer")
        engine.run_job(job.pk)
        engine.run_job(job.children.get(kind="tests.inner").pk)

        engine.cancel(job)
        engine.drain()

    assert {job.state for job in Job.objects.all()} == {State.CANCELLED}
    assert Job.objects.count() == 5
    assert effects == []


def test_a_whole_that_is_cancelled_while_it_runs_starts_no_parts(effects):
    def body(context):
        engine.cancel(job)
        return Wait([JobRequest("tests.effect")], {"started": True})

    with kind("tests.whole", body):
        job = enqueue("tests.whole")
        engine.drain()

    assert fresh(job).state == State.CANCELLED
    assert not job.children.exists()


def test_a_cancelled_whole_ends_when_its_running_part_has_ended(effects):
    def part(context):
        engine.cancel(job)
        context.check_cancelled()

    with kind("tests.part", part), kind("tests.whole", whole(JobRequest("tests.part"))):
        job = enqueue("tests.whole")
        engine.drain()

    assert [fresh(job).state, job.children.get().state] == [State.CANCELLED] * 2
