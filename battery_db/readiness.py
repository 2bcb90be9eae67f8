"""Can this installation serve people right now? Asked by load balancers and monitors."""

import shutil

from django.conf import settings
from django.db import Error, connection

from battery_db.lib.runs import health

VITAL = ("database", "broker", "disk")
FREE_BYTES = 200 * 1024 * 1024


def checks() -> dict[str, bool]:
    """Each part by name; ``scheduler`` is false when no sweep came for minutes."""
    return {
        "database": _database_answers(),
        "broker": health.broker_answers(),
        "disk": shutil.disk_usage(settings.DATA_DIR).free > FREE_BYTES,
        "scheduler": not health.sweep_is_late(),
    }


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        connection.close()
        return False
    return True
