"""Several threads at one job; not on SQLite in memory, which is one connection."""

import threading

import pytest
from django.db import connection, connections

from battery_db.lib.runs import engine, sweeping
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import Done, JobRequest
from tests.lib.kinds import enqueue, expire, fresh, kind, whole

pytestmark = pytest.mark.usefixtures("many_connections")
State = Job.State


@pytest.fixture
def many_connections(transactional_db):
    if connection.vendor != "postgresql":
        pytest.skip("needs a database with several connections")


def in_threads(work, number=2):
    """Run ``work`` in several threads at once; returns what each returned."""
    barrier = threading.Barrier(number)
    results = [None] * number

    def run(place):
        barrier.wait()
        try:
            results[place] = work(place)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[place]) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return results


def test_two_people_who_press_at_once_start_one_job(effects):
    for key in "abcdef":
        jobs = in_threads(lambda place, key=key: enqueue(key=key).pk, 4)
        assert len(set(jobs)) == 1


def test_one_of_many_claims_wins(effects):
    job = enqueue()

    assert sorted(in_threads(lambda place: engine.run_job(job.pk), 6)) == [False] * 5 + [True]
    assert effects == [None]


def test_parts_that_end_together_wake_the_whole_once(effects):
    parts = [JobRequest("tests.effect") for _ in range(4)]
    with kind("tests.whole", whole(*parts)):
        for _ in range(5):
            job = enqueue("tests.whole")
            engine.run_job(job.pk)
            ids = list(job.children.values_list("pk", flat=True))

            in_threads(lambda place, ids=ids: engine.run_job(ids[place]), 4)

            assert fresh(job).state == State.QUEUED
            assert engine.drain() == 1


def test_cancelling_and_ending_together_block_nobody(effects):
    parts = [JobRequest("tests.effect") for _ in range(4)]
    with kind("tests.whole", whole(*parts)):
        for _ in range(5):
            job = enqueue("tests.whole")
            engine.run_job(job.pk)
            ids = list(job.children.values_list("pk", flat=True))

            in_threads(
                lambda place, job=job, ids=ids: (
                    engine.cancel(job) if place < 2 else engine.run_job(ids[place - 2])
                ),
                6,
            )
            engine.drain()

            assert fresh(job).state == State.CANCELLED
            assert not Job.objects.active().exists()


def test_the_sweep_leaves_a_job_alone_that_is_being_finished(effects):
    finishing, swept = threading.Event(), threading.Event()

    def save():
        finishing.set()
        assert swept.wait(20)
        effects.append("saved")

    def work(place):
        if place == 0:
            return engine.run_job(job.pk)
        assert finishing.wait(20)
        try:
            return sweeping.sweep()["requeued"]
        finally:
            swept.set()

    def body(context):
        expire(job)
        return Done(save=save)

    with kind("tests.finishing", body):
        job = enqueue("tests.finishing")
        assert in_threads(work) == [True, 0]

    assert effects == ["saved"]
    assert fresh(job).state == State.SUCCEEDED
