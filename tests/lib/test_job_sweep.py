"""The sweep: what dead workers, lost messages and old age have left behind."""

from datetime import timedelta

import pytest
from django.utils import timezone

from battery_db.lib.runs import engine, health, sweeping, transitions
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import JobRequest
from tests.lib.kinds import enqueue, expire, fresh, kind, whole

pytestmark = pytest.mark.django_db
State = Job.State


def test_a_dead_workers_job_starts_again_and_a_living_ones_does_not(effects):
    dead, living = enqueue(), enqueue()
    transitions.claim(dead.pk)
    transitions.claim(living.pk)
    expire(dead)

    assert sweeping.sweep()["requeued"] == 1

    assert (fresh(dead).state, fresh(living).state) == (State.QUEUED, State.RUNNING)
    assert "worker died" in dead.log_lines.get().text


def test_a_job_that_kills_every_worker_fails_in_the_end(effects, settings):
    job = enqueue()
    for _ in range(settings.JOB_MAX_ATTEMPTS):
        transitions.claim(job.pk)
        expire(job)
        sweeping.sweep()

    assert fresh(job).state == State.FAILED
    assert "memory" in fresh(job).fix


def test_a_dead_workers_job_that_was_to_stop_is_cancelled(effects):
    job = enqueue()
    transitions.claim(job.pk)
    engine.cancel(job)
    expire(job)

    sweeping.sweep()

    assert fresh(job).state == State.CANCELLED


def test_a_whole_whose_last_part_woke_nobody_is_woken(effects):
    with kind("tests.whole", whole(JobRequest("tests.effect"))):
        job = enqueue("tests.whole")
        engine.run_job(job.pk)
        job.children.update(state=State.SUCCEEDED)  # as after a crash between two writes

        assert sweeping.sweep()["woken"] == 1
        engine.drain()

    assert fresh(job).state == State.SUCCEEDED


def test_a_wake_up_is_sent_again_only_when_its_queue_is_empty(effects, sent, monkeypatch):
    lost, recent = enqueue(), enqueue()
    now = timezone.now()
    Job.objects.filter(pk=lost.pk).update(sent_at=now - 2 * sweeping.RESEND_AFTER)
    Job.objects.filter(pk=recent.pk).update(sent_at=now)

    for length in (5, None):  # None: the broker does not answer
        monkeypatch.setattr(health, "queue_length", lambda queue, length=length: length)
        sweeping.sweep()
    assert sent == []

    monkeypatch.setattr(health, "queue_length", lambda queue: 0)
    sweeping.sweep()
    assert sent == [lost.pk]


def test_a_wake_up_that_was_never_sent_is_sent(effects, sent):
    job = enqueue()
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=1))

    assert sweeping.sweep()["sent"] == 1
    assert sent == [job.pk]


def test_jobs_are_forgotten_after_90_days_with_their_parts_but_active_ones_never(effects):
    with kind("tests.whole", whole(JobRequest("tests.effect"))):
        old = enqueue("tests.whole")
        engine.drain()
    recent = enqueue()
    engine.drain()
    active = enqueue()
    long_ago = timezone.now() - timedelta(days=91)
    Job.objects.exclude(pk=recent.pk).update(created_at=long_ago)
    Job.objects.exclude(pk__in=[recent.pk, active.pk]).update(finished_at=long_ago)

    assert sweeping.forget_old_jobs() == 1

    assert set(Job.objects.all()) == {recent, active}
    assert not Job.objects.filter(pk=old.pk).exists()


def test_the_sweep_leaves_a_sign_of_life(effects):
    sweeping.sweep()

    assert not health.sweep_is_late()
    assert timezone.now() - health.last_sweep() < timedelta(minutes=1)


def test_the_broker_answers_how_long_a_queue_is():
    assert health.broker_answers()
    assert health.queue_length("a queue that nobody ever used") == 0


def test_a_broker_that_is_away_is_told_in_seconds_and_stops_no_sweep(
    effects, settings, monkeypatch
):
    from celery import current_app
    from django.core.cache.backends.redis import RedisCache

    away = "redis://127.0.0.1:1/0"
    connect = current_app.connection_for_read
    options = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
    monkeypatch.setattr(
        current_app, "connection_for_read", lambda: connect(away, transport_options=options)
    )
    monkeypatch.setattr(health, "cache", RedisCache(away, {}))
    job = enqueue()
    Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - 2 * sweeping.RESEND_AFTER)

    assert health.queue_length("default") is None
    assert sweeping.sweep()["sent"] == 0
    assert health.sweep_is_late()
