"""The nightly run, here and now."""

from argparse import ArgumentParser
from typing import Any

from battery_db import outcomes, report
from battery_db.lib.commands import LabCommand, run_here
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.tasks import NIGHT

FILES_SAID = 50


class Command(LabCommand):
    help = "Scan, import, group and export what is new, in this process, and report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--files",
            action="store_true",
            help="Say of every file what became of it, imported ones and those of earlier nights too.",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        job = run_here(engine.enqueue(NIGHT, trigger=Job.Trigger.COMMAND, key=NIGHT))
        found = report.report_of(job)
        asked = outcomes.Asked(only_new=not options["files"])
        night = found.as_json() | {"outcomes": outcomes.read(job, asked)[:]}
        if not options["files"]:
            rows = [row for row in night["outcomes"] if row["outcome"] != "imported"]
            night |= {"outcomes": rows[:FILES_SAID], "more": max(0, len(rows) - FILES_SAID)}
        night["failures"] = [
            *({"name": part["title"], **part} for part in night["failed_jobs"]),
        ]
        return night

    def say(self, result: dict[str, Any]) -> None:
        for step, numbers in result["totals"].items():
            said = ", ".join(f"{value} {name}" for name, value in numbers.items() if value)
            self.stdout.write(f"{step}: {said or 'nothing new'}")
        for row in result["outcomes"]:
            why = f"  {row['why']}" if row["why"] else ""
            self.stdout.write(f"{row['title']:<20}  {row['folder']}: {row['path']}{why}")
        if result.get("more"):
            self.stdout.write(f"… and {result['more']} more; --files says all.")
        new, every = (result["files"].get(name) or {} for name in ("new", "all"))
        self.stdout.write(f"\n{'outcome':<20}  this night  with earlier nights")
        for name, title in outcomes.OUTCOMES.items():
            if name in every:
                self.stdout.write(f"{title:<20}  {new.get(name, 0):>10,}  {every[name]:>19,}")
        self.stdout.write(
            f"{'imported, unchanged':<20}  {'':>10}  {result['files']['unchanged']:>19,}"
        )
