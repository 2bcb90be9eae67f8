"""Is background work alive? Asked by the readiness check and by the sweep."""

import logging
from datetime import datetime, timedelta

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import ChannelError, OperationalError

from battery_db.lib.runs.models import Job

log = logging.getLogger(__name__)
SWEPT_AT = "runs.swept_at"
SWEEPS_MISSED = 6
REPLY_WITHIN_S = 2.0


def note_sweep() -> None:
    """Remember that scheduler, broker and a worker together brought about a sweep."""
    try:
        cache.set(SWEPT_AT, timezone.now(), timeout=None)
    except cache_errors():
        log.warning("The cache did not take the time of the sweep.")


def last_sweep() -> datetime | None:
    """When the last sweep ended; None when it is unknown."""
    try:
        swept_at: datetime | None = cache.get(SWEPT_AT)
    except cache_errors():
        return None
    return swept_at


def sweep_is_late() -> bool:
    """No sweep for minutes: the scheduler or every worker is down."""
    swept_at = last_sweep()
    return swept_at is None or swept_at < _minutes_ago()


def jobs_are_stalled() -> bool:
    """Jobs have been active for minutes, and nothing looks after them."""
    return sweep_is_late() and Job.objects.active().filter(created_at__lt=_minutes_ago()).exists()


def broker_answers() -> bool:
    return queue_length(current_app.conf.task_default_queue) is not None


def queue_length(queue: str) -> int | None:
    """Messages that wait in ``queue``; None when the broker does not answer."""
    try:
        with current_app.connection_for_read() as connection:
            channel = connection.default_channel
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except ChannelError:
        return 0  # no such queue: nothing was ever sent to it, or it is empty
    except (OSError, OperationalError):
        return None


def _minutes_ago() -> datetime:
    return timezone.now() - timedelta(seconds=SWEEPS_MISSED * settings.SWEEP_SECONDS)


def cache_errors() -> tuple[type[Exception], ...]:
    """What the cache raises when it is away: in Redis it fails as the broker does."""
    return (OSError, *current_app.connection_for_read().connection_errors)


def workers() -> list[str]:
    """Names of the workers that answer a ping; takes seconds, so not for every page."""
    return sorted(current_app.control.inspect(timeout=REPLY_WITHIN_S).ping() or {})
