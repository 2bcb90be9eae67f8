"""Make a calibration from a table of mass ratios and the spectra it names."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from battery_db.lib.commands import LabCommand, run_here
from battery_db.lib.errors import LabError
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from ftir.models import Calibration
from ftir.services import calibrations, fit_settings


class Command(LabCommand):
    help = "Make and fit a calibration from known mixtures and their spectra."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("table", nargs="?", type=Path, help="CSV: file, then the components.")
        parser.add_argument("spectra", nargs="*", type=Path, help="Files of the table, and others.")
        parser.add_argument("--name", default="", help="Name of the calibration.")
        parser.add_argument("--kind", choices=Calibration.Kind.values, default="linear")
        parser.add_argument(
            "--range", nargs=2, type=float, metavar=("FROM", "TO"), help="Wavenumbers in 1/cm."
        )
        parser.add_argument(
            "--penalty", action="append", default=[], metavar="NAME=VALUE", help="See docs/ftir.md."
        )
        parser.add_argument("--use", action="store_true", help="Judge all spectra by it.")
        parser.add_argument("--to", type=Path, metavar="FILE", help="Write it as a file, too.")
        parser.add_argument(
            "--demonstration", action="store_true", help="The one made from literature bands."
        )

    def run(self, **options: Any) -> dict[str, Any]:
        given = _model(options)
        fit_settings.check_model(given)  # before there is a draft that nobody would want
        calibration = self.draft(options)
        if given:
            fit_settings.set_model(calibration, given)
        if calibration.state != Calibration.State.READY:
            run_here(
                calibrations.request_fit(
                    calibration, use=options["use"], by=None, trigger=Job.Trigger.COMMAND
                )
            )
            calibration.refresh_from_db()
        elif options["use"]:
            calibrations.put_in_use(calibration)
        if options["to"]:
            with storage("series").open(calibration.archive_name, "rb") as file:
                options["to"].write_bytes(file.read())
        names = calibration.component_names
        errors = [round(100 * value, 3) for value in calibration.report["error"]]
        return {
            "calibration": str(calibration),
            "id": calibration.pk,
            "in_use": calibration.in_use,
            "error_weight_percent": dict(zip(names, errors, strict=True)),
            "reconstruction_error": calibration.report["reconstruction_error"],
        }

    def draft(self, options: dict[str, Any]) -> Calibration:
        if options["demonstration"]:
            return calibrations.create_demonstration()
        if options["table"] is None:
            raise LabError("No table of mass ratios was given.", fix="Name it, then the spectra.")
        try:
            table = options["table"].read_text("utf-8-sig", "replace")
            files = [(path.name, path.read_bytes()) for path in options["spectra"]]
        except OSError as error:
            raise LabError(f"{error.filename}: {error.strerror}.", fix="Check the path.") from error
        name = options["name"] or options["table"].stem
        return calibrations.create(name, table, files, kind=options["kind"])


def _model(options: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for text in options["penalty"]:
        name, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            given[name] = value
        else:
            given[name] = int(number) if number.is_integer() else number
    if options["range"]:
        given["first_per_cm"], given["last_per_cm"] = options["range"]
    return given
