"""The life of a job: claimed once, fenced, cancelled, retried, forgotten."""

import uuid

import pytest
from django.db.utils import OperationalError

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs import engine, services, sweeping
from battery_db.lib.runs.models import Job, JobLogLine
from battery_db.lib.runs.registry import Done
from tests.lib.kinds import enqueue, expire, fresh, kind

pytestmark = pytest.mark.django_db
State = Job.State


def test_a_job_runs_once_however_often_its_message_is_delivered(effects):
    job = enqueue()

    assert [engine.run_job(job.pk) for _ in range(3)] == [True, False, False]

    assert effects == [None]
    assert fresh(job).state == State.SUCCEEDED


def test_a_message_without_a_row_is_dropped(effects):
    assert engine.run_job(uuid.uuid4()) is False


def test_two_requests_with_one_key_are_one_job_until_it_has_ended(effects):
    first = enqueue(key="scan")

    assert enqueue(key="scan") == first
    engine.drain()
    assert enqueue(key="scan") != first
    assert enqueue(key="") != enqueue(key="")


def test_a_wake_up_leaves_only_when_the_row_is_committed(
    effects, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue()
        assert sent == []

    assert sent == [job.pk]


def test_a_worker_presumed_dead_can_not_finish():
    effects = []

    def body(context):
        attempt = fresh(job).attempt
        if attempt == 1:
            expire(job)
            sweeping.sweep()
            engine.run_job(job.pk)  # the successor, while this one still computes
        return Done(save=lambda: effects.append(attempt))

    with kind("tests.slow", body):
        job = enqueue("tests.slow")
        engine.run_job(job.pk)

    assert effects == [2]
    assert fresh(job).state == State.SUCCEEDED


def test_a_fenced_write_of_a_worker_presumed_dead_is_refused(people):
    def body(context):
        expire(job)
        sweeping.sweep()
        with context.fenced():
            JobLogLine.objects.create(job=job, text="from the dead")
        return Done()

    with kind("tests.fenced", body):
        job = enqueue("tests.fenced")
        engine.run_job(job.pk)

    assert fresh(job).state == State.QUEUED
    assert not job.log_lines.filter(text="from the dead").exists()


def test_a_result_that_can_not_be_saved_leaves_nothing_behind():
    def save():
        JobLogLine.objects.create(job=job, text="half a result")
        raise ValueError("no more")

    with kind("tests.unsaved", lambda context: Done(save=save)):
        job = enqueue("tests.unsaved")
        engine.drain()

    assert fresh(job).state == State.FAILED
    assert "ValueError: no more" in fresh(job).error
    assert not job.log_lines.filter(text="half a result").exists()


def test_an_error_keeps_what_a_database_can_not_store_readable():
    def body(context):
        context.log("name \udcff and \0")
        raise LabError("bad name \udcff\0", fix="rename \udcff")

    with kind("tests.bytes", body):
        job = enqueue("tests.bytes")
        engine.drain()

    assert fresh(job).error == "bad name \\udcff\\0"
    assert job.log_lines.get().text == "name \\udcff and \\0"


def test_a_kind_that_is_gone_fails_with_advice(effects):
    job = enqueue()
    Job.objects.filter(pk=job.pk).update(kind="tests.gone")

    engine.drain()

    assert fresh(job).state == State.FAILED
    assert "restart all workers" in fresh(job).fix
    with pytest.raises(NotAllowed, match=r"tests\.gone"):
        services.retry(fresh(job))


def test_a_worker_that_is_stopped_gives_the_job_back_at_once():
    def body(context):
        raise SystemExit

    with kind("tests.stopped", body):
        job = enqueue("tests.stopped")
        with pytest.raises(SystemExit):
            engine.run_job(job.pk)

    assert fresh(job).state == State.QUEUED


def test_a_lost_database_queues_the_job_again_until_attempts_run_out(settings):
    settings.JOB_MAX_ATTEMPTS = 2

    def body(context):
        raise OperationalError("server closed the connection")

    with kind("tests.outage", body):
        job = enqueue("tests.outage")
        engine.run_job(job.pk)
        assert fresh(job).state == State.QUEUED
        engine.drain()

    assert fresh(job).state == State.FAILED
    assert "server closed the connection" in fresh(job).error


def test_progress_is_written_and_stops_a_cancelled_job():
    seen = []

    def body(context):
        context.progress(1, 3, "first")
        seen.append((fresh(job).progress_done, fresh(job).percent, fresh(job).progress_text))
        engine.cancel(job)
        context.progress(3, 3)
        seen.append("after the end")

    with kind("tests.progress", body):
        job = enqueue("tests.progress")
        engine.drain()

    assert seen == [(1, 33, "first")]
    assert fresh(job).state == State.CANCELLED


def test_progress_is_written_twice_a_second_at_most(django_assert_max_num_queries):
    def body(context):
        context.progress(0, 1000)
        with django_assert_max_num_queries(1):
            for number in range(1, 1000):
                context.progress(number, 1000)
        return Done()

    with kind("tests.busy", body):
        job = enqueue("tests.busy")
        engine.drain()

    assert fresh(job).state == State.SUCCEEDED
