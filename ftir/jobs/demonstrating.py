"""The demonstration calibration, for a lab that has none of its own yet."""

from django.contrib.auth import get_user_model

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import Done
from ftir.models import Calibration
from ftir.services import calibrations


def make_demonstration(context: JobContext) -> Done:
    """Job: make it where it is not there, and fit it as another job."""
    context.progress(0, 1, "Making spectra from literature bands")
    by = get_user_model().objects.filter(pk=context.requested_by_id or 0).first()
    made = calibrations.create_demonstration(by)
    if made.state != Calibration.State.READY:
        calibrations.request_fit(made, use=False, by=by, trigger=Job.Trigger.JOB)
    return Done({"calibration": str(made)}, url=made.get_absolute_url())
