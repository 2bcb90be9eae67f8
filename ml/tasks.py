"""The kinds of job that models run; each imports its ``jobs`` when it starts."""

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Outcome, job_kind


@job_kind("ml.train_impedance", queue="ml", title="Train the impedance network")
def train_impedance(context: JobContext) -> Outcome:
    from ml.jobs import impedance

    return impedance.train_impedance(context)
