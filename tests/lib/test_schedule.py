"""The scheduler: the sweep and the night are declared, and stand in the database after a start."""

import pytest
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from battery_db.celery import QUEUES, app
from battery_db.lib.runs import registry
from battery_db.lib.runs.models import Job
from battery_db.tasks import NIGHT, start_night


@pytest.mark.django_db(transaction=True)  # it closes connections
def test_a_start_of_the_scheduler_writes_the_schedule(settings):
    scheduler = DatabaseScheduler(app=app)
    scheduler.setup_schedule()

    night, sweep = (
        PeriodicTask.objects.get(name="Nightly run"),
        PeriodicTask.objects.get(name="Find lost jobs"),
    )
    assert (night.crontab.hour, night.crontab.minute) == (str(settings.NIGHT_HOUR), "0")
    assert sweep.interval.every == settings.SWEEP_SECONDS
    assert sweep.expire_seconds == settings.SWEEP_SECONDS
    assert night.expire_seconds < 24 * 3600  # a night that could not start does not meet the next


def test_every_scheduled_task_and_every_queue_of_a_kind_exists():
    app.loader.import_default_modules()
    queues = {kind.queue for kind in registry._kinds.values()}

    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
    assert queues <= set(QUEUES)


@pytest.mark.django_db
def test_two_messages_start_one_night():
    start_night()
    start_night()

    night = Job.objects.get(kind=NIGHT)
    assert night.trigger == Job.Trigger.NIGHT
