"""The nightly run, here and now."""

from typing import Any

from battery_db import report
from battery_db.lib.commands import LabCommand, run_here
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.tasks import NIGHT


class Command(LabCommand):
    help = "Scan, import, group and export what is new, in this process, and report."

    def run(self, **options: Any) -> dict[str, Any]:
        job = run_here(engine.enqueue(NIGHT, trigger=Job.Trigger.COMMAND, key=NIGHT))
        night = report.report_of(job).as_json()
        night["failures"] = [
            *({"name": part["title"], **part} for part in night["failed_jobs"]),
        ]
        return night

    def say(self, result: dict[str, Any]) -> None:
        for step, numbers in result["totals"].items():
            said = ", ".join(f"{value} {name}" for name, value in numbers.items() if value)
            self.stdout.write(f"{step}: {said or 'nothing new'}")
