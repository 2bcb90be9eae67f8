"""What every command shares: a machine-readable result, and exit code 1 on failure."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job


class LabCommand(BaseCommand):
    """A thin command: ``run`` calls a service and returns its result as plain JSON.

    ``--json`` prints that result alone; otherwise ``say`` words it for a person.
    """

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Commands without arguments of their own need none."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self.run(**options)
        except LabError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(result, default=str))
        else:
            self.say(result)
        if failures := result.get("failures"):
            raise CommandError(f"{len(failures)} failed: " + "; ".join(map(_worded, failures[:5])))

    def run(self, **options: Any) -> dict[str, Any]:
        raise NotImplementedError

    def say(self, result: dict[str, Any]) -> None:
        for name, value in result.items():
            if name != "failures":
                self.stdout.write(f"{name.replace('_', ' ')}: {value}")


def run_here(job: Job) -> Job:
    """Run ``job`` and all that it starts, beside any workers; LabError when it fails."""
    while True:
        engine.drain()
        job.refresh_from_db()
        if not job.is_active:
            break
        time.sleep(0.2)  # a worker has taken a part of it
        engine.sweep()  # or it was killed, and nobody else may be here to notice
    if job.state != Job.State.SUCCEEDED:
        raise LabError(
            job.error or f"The job {job.title!r} is {job.get_state_display()}.", fix=job.fix
        )
    return job


def _worded(failure: Any) -> str:
    if isinstance(failure, dict):
        return f"{failure.get('name', '')}: {failure.get('error', '')}"
    return str(failure)
