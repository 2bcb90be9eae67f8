"""Errors of a calibration by held-out share, beside other methods and the thesis."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from battery_db.lib.commands import LabCommand
from battery_db.lib.errors import LabError

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


class Command(LabCommand):
    help = (
        "Cross-validate a calibration, or the samples of an .npz file: errors by held-out share, "
        "other methods on the same splits, and every measure beside its target."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "what", nargs="?", default="", help="Name of a calibration, or an .npz of samples."
        )
        parser.add_argument("--repeats", type=int, default=8, help="Splits per share (8).")
        parser.add_argument("--shares", type=float, nargs="+", default=SHARES, metavar="SHARE")
        parser.add_argument("--kind", choices=("linear", "constant"), default="linear")

    def run(self, **options: Any) -> dict[str, Any]:
        from ftir import reference, report, scorecard, validation
        from ftir.penalties import Penalties

        if options["repeats"] < 1 or not all(0 < share < 1 for share in options["shares"]):
            raise LabError(
                "Shares lie between 0 and 1, repeats are 1 or more.", fix="Correct them."
            )
        samples, tests = _samples(options["what"])
        top = samples.mass_ratio.max(axis=0)
        results = validation.by_share(
            samples, tuple(options["shares"]), options["repeats"], Penalties(), options["kind"]
        )
        rows = [
            {
                "held_out": result.share,
                "percent_of_max": dict(
                    zip(samples.components, result.percent_of_max.tolist(), strict=True)
                ),
                "mean": float(result.percent_of_max.mean()),
                "reconstruction": 100 * result.reconstruction_error,
            }
            for result in results
        ]
        methods = report.compare(samples, Penalties(), options["repeats"])
        for row in methods:
            percent = 100 * (row.pop("error") / top)
            row["percent_of_max"] = dict(zip(samples.components, percent.tolist(), strict=True))
            row["mean"] = float(percent.mean())
        scores = scorecard.measure(samples, tests, options["repeats"])
        return {
            "shares": rows,
            "methods_at_30_percent": methods,
            "thesis": dict(reference.THESIS),
            "scores": [_row(score) for score in scores],
        }

    def say(self, result: dict[str, Any]) -> None:
        names = list(result["shares"][0]["percent_of_max"])
        head = "".join(f"{name:>9}" for name in names) + "     mean    recon"
        self.stdout.write(f"mean error, % of maximum\n{'held out':<26}{head}")
        for row in result["shares"]:
            self.line(f"{100 * row['held_out']:.0f} %", row, row["reconstruction"])
        self.stdout.write(f"\n{'30 % held out':<26}{head}")
        for row in result["methods_at_30_percent"]:
            recon = row.get("reconstruction_error")
            self.line(row["method"], row, None if recon is None else 100 * recon)
        thesis = result["thesis"]
        values = "".join(f"{thesis.get(name, '–'):>9}" for name in names)
        self.stdout.write(
            f"{'thesis, real spectra':<26}{values}           {thesis['reconstruction']}"
        )

        self.stdout.write(f"\n{'measure':<54}{'others':<38}{'target':>14}{'ours':>10}")
        for score in result["scores"]:
            mark = "" if score["met"] else "  missed"
            self.stdout.write(
                f"{score['measure']:<54}{score['others']:<38}{score['target']:>14}"
                f"{score['ours']:>10}{mark}"
            )

    def line(self, title: str, row: dict[str, Any], recon: float | None) -> None:
        values = "".join(f"{value:9.2f}" for value in row["percent_of_max"].values())
        last = "        –" if recon is None else f"{recon:9.1f}"
        self.stdout.write(f"{title:<26}{values}{row['mean']:9.2f}{last}")


def _row(score: Any) -> dict[str, Any]:
    return {
        "measure": score.measure,
        "others": score.others,
        "target": score.target,
        "ours": round(score.ours, score.decimals),
        "met": score.met,
    }


def _samples(what: str) -> tuple[Any, Any]:
    """Samples, and the test set that an .npz may hold beside them."""
    from ftir import reference
    from ftir.models import Calibration
    from ftir.services import calibrations, compositions

    if what.endswith(".npz"):
        return reference.load_samples(Path(what)), reference.load_unseen(Path(what))
    rows = Calibration.objects.prefetch_related("parts__molecule")
    found = rows.filter(name=what).first() if what else compositions.calibration_in_use()
    if found is None:
        raise LabError(
            f"There is no calibration {what!r}." if what else "No calibration is in use.",
            fix="Name one, or the .npz of a set of samples.",
        )
    return calibrations.load_samples(found), None
