"""The Celery application. Queues are named after apps; messages carry a job id only."""

import os

# PyTorch and BLAS threads in forked workers hang or fight over cores.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "battery_db.settings")

from celery import Celery  # noqa: E402

from battery_db.lib import broker  # noqa: E402

QUEUES = ("default", "cells", "cycling", "ftir", "eis", "ml")

broker.register()
app = Celery("battery_db")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
