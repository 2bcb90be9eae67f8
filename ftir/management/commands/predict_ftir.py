"""Compositions of infrared files, written as tables, plots and numbers."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from battery_db.lib.commands import LabCommand
from battery_db.lib.errors import LabError


class Command(LabCommand):
    help = (
        "Estimate the composition of each infrared file: one table (CSV and XLSX), and per "
        "file its spectra as numbers and a plot. With --model no database is touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="Files or folders.")
        parser.add_argument("--to", type=Path, required=True, metavar="DIR")
        parser.add_argument(
            "--model", type=Path, metavar="FILE", help="A calibration of calibrate_ftir --to."
        )
        parser.add_argument("--baseline", choices=("none", "arpls", "offset"), default="none")
        parser.add_argument("--atr-to-transmission", action="store_true")
        parser.add_argument("--no-align", action="store_true", help="Leave the axis as it is.")

    def run(self, **options: Any) -> dict[str, Any]:
        from ftir import exports, formats
        from ftir.prediction import estimate
        from ftir.spectra import Corrections

        fitted = _fitted(options["model"])
        corrections = Corrections(
            options["baseline"], options["atr_to_transmission"], not options["no_align"]
        )
        folder: Path = options["to"]
        files = _files(options["paths"], folder)
        folder.mkdir(parents=True, exist_ok=True)
        rows, failures = [], []
        for path, stem in files:
            try:
                spectrum = formats.read(path).spectrum
                found = estimate(
                    fitted, spectrum.wavenumber_per_cm, spectrum.absorbance, corrections
                )
            except LabError as error:
                failures.append({"name": str(path), "error": error.message, "fix": error.fix})
                continue
            except OSError as error:
                reason = f"It can not be read ({error.strerror})."
                failures.append({"name": str(path), "error": reason, "fix": "Check its rights."})
                continue
            rows.append(exports.row_of(str(path), found))
            exports.write_spectrum(found, stem, folder)
        if rows:
            exports.write_table(rows, folder)
        return {"predicted": len(rows), "to": str(folder), "rows": rows, "failures": failures}

    def say(self, result: dict[str, Any]) -> None:
        for row in result["rows"]:
            self.stdout.write(f"{row['file']}: {row['verdict']}")
        self.stdout.write(f"{result['predicted']} predicted, in {result['to']}")


def _fitted(model: Path | None) -> Any:
    from ftir import archive
    from ftir.services import compositions

    if model is not None:
        try:
            return archive.load(model.read_bytes())
        except OSError as error:
            raise LabError(f"{model} can not be read ({error.strerror}).", fix="") from error
    calibration = compositions.calibration_in_use()
    if calibration is None:
        raise LabError(
            "No calibration is in use.",
            fix="Make one with calibrate_ftir, or name one with --model.",
        )
    return compositions.fitted_of(calibration)


def _files(paths: list[Path], to: Path) -> list[tuple[Path, str]]:
    """Each file once, with a stem for its results that no other file has.

    Results of an earlier run, in ``to``, are no spectra. Raises LabError where results
    would lie among the spectra and overwrite them.
    """
    from ftir.exports import TABLE

    to = to.resolve()
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise LabError(f"{path} does not exist.", fix="Check the path.")
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        if to == (path if path.is_dir() else path.parent).resolve():
            raise LabError(
                f"Results in {to} would overwrite the spectra there.",
                fix="Name another folder with --to; it may be inside that one.",
            )
        if path.is_dir() and to.is_relative_to(path.resolve()):
            inside = [file for file in inside if not file.resolve().is_relative_to(to)]
        found += [file for file in inside if file not in found]
    taken = {TABLE}
    return [(file, _stem(file.stem, taken)) for file in found]


def _stem(wanted: str, taken: set[str]) -> str:
    """``wanted``, or with the next number that is free; ``taken`` grows by it."""
    stem, number = wanted, 1
    while stem.lower() in taken:
        number += 1
        stem = f"{wanted} ({number})"
    taken.add(stem.lower())
    return stem
