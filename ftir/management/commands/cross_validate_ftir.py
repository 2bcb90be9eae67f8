"""Errors of a calibration by held-out share, beside other methods and the thesis."""

from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from battery_db.lib.commands import LabCommand
from battery_db.lib.errors import LabError
from ftir.penalties import Kind, Penalties

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


class Command(LabCommand):
    help = (
        "Cross-validate a calibration, or the samples of an .npz file: errors by held-out share, "
        "and other methods on the same splits. For a set of samples also every measure beside "
        "its target, and the published figures."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "what", nargs="?", default="", help="Name of a calibration, or an .npz of samples."
        )
        parser.add_argument("--repeats", type=int, default=8, help="Splits per share (8).")
        parser.add_argument("--shares", type=float, nargs="+", default=SHARES, metavar="SHARE")
        parser.add_argument(
            "--kind",
            choices=("linear", "constant"),
            help="Default: that of the calibration, or linear.",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        from ftir import reference, report, scorecard, validation

        if options["repeats"] < 1 or not all(0 < share < 1 for share in options["shares"]):
            raise LabError(
                "Shares lie between 0 and 1, repeats are 1 or more.", fix="Correct them."
            )
        chosen = _samples(options["what"])
        samples, kind = chosen.samples, options["kind"] or chosen.kind
        top = samples.mass_ratio.max(axis=0)
        results = validation.by_share(
            samples, tuple(options["shares"]), options["repeats"], chosen.penalties, kind
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
        methods = report.compare(samples, chosen.penalties, options["repeats"])
        for row in methods:
            percent = 100 * (row.pop("error") / top)
            row["percent_of_max"] = dict(zip(samples.components, percent.tolist(), strict=True))
            row["mean"] = float(percent.mean())
        found = {
            "kind": kind,
            "penalties": asdict(chosen.penalties),
            "shares": rows,
            "methods_at_30_percent": methods,
            "thesis": dict(reference.THESIS),
        }
        if not chosen.is_set:  # the targets are those of known truth, not of a lab's own labels
            return found
        scores = scorecard.measure(samples, chosen.tests, options["repeats"])
        return {**found, "published": reference.table(), "scores": [_row(s) for s in scores]}

    def say(self, result: dict[str, Any]) -> None:
        names = list(result["shares"][0]["percent_of_max"])
        published = result.get("published", {"methods": [], "shares": []})
        head = "".join(f"{name:>9}" for name in names) + "     mean    recon"
        self.stdout.write(f"mean error, % of maximum\n{'held out, ' + result['kind']:<42}{head}")
        for row in result["shares"]:
            self.line(f"{100 * row['held_out']:.0f} %", row, row["reconstruction"])
        for row in published["shares"]:
            title = f"{100 * row['held_out']:.0f} %, published (PLS {row['pls_mean']:.2f})"
            self.line(title, {**row, "percent_of_max": {}}, row["reconstruction"], names)
        self.stdout.write(f"\n{'30 % held out':<42}{head}")
        self.methods("", result["methods_at_30_percent"], names)
        self.methods(", published, hard set", published["methods"], names)
        thesis = result["thesis"]
        values = "".join(f"{thesis.get(name, '–'):>9}" for name in names)
        self.stdout.write(
            f"{'thesis, real spectra':<42}{values}           {thesis['reconstruction']}"
        )
        if "scores" in result:
            self.scores(result["scores"])

    def methods(self, suffix: str, rows: list[dict[str, Any]], names: list[str]) -> None:
        for row in rows:
            recon = row.get("reconstruction_error")
            title = row["method"] + suffix
            self.line(title, row, None if recon is None else 100 * recon, names)

    def scores(self, scores: list[dict[str, Any]]) -> None:
        self.stdout.write(f"\n{'measure':<54}{'others':<38}{'target':>14}{'ours':>10}")
        for score in scores:
            mark = "" if score["met"] else "  missed"
            self.stdout.write(
                f"{score['measure']:<54}{score['others']:<38}{score['target']:>14}"
                f"{score['ours']:>10}{mark}"
            )

    def line(
        self, title: str, row: dict[str, Any], recon: float | None, names: list[str] | None = None
    ) -> None:
        errors = row["percent_of_max"]
        values = "".join(
            f"{errors[name]:9.2f}" if name in errors else f"{'–':>9}" for name in names or errors
        )
        last = "        –" if recon is None else f"{recon:9.1f}"
        self.stdout.write(f"{title:<42}{values}{row['mean']:9.2f}{last}")


def _row(score: Any) -> dict[str, Any]:
    return {
        "measure": score.measure,
        "others": score.others,
        "target": score.target,
        "ours": round(score.ours, score.decimals),
        "met": score.met,
    }


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is cross-validated: its samples, how they are fitted, and a test set if it has one."""

    samples: Any
    penalties: Penalties
    kind: Kind
    tests: Any = None
    is_set: bool = False


def _samples(what: str) -> Chosen:
    """A set with the default penalties, or a calibration with its own."""
    from ftir import reference
    from ftir.models import Calibration
    from ftir.services import calibrations, compositions

    if what.endswith(".npz"):
        path = Path(what)
        return Chosen(
            reference.load_samples(path),
            Penalties(),
            "linear",
            reference.load_unseen(path),
            is_set=True,
        )
    rows = Calibration.objects.prefetch_related("parts__molecule")
    found = rows.filter(name=what).first() if what else compositions.calibration_in_use()
    if found is None:
        raise LabError(
            f"There is no calibration {what!r}." if what else "No calibration is in use.",
            fix="Name one, or the .npz of a set of samples.",
        )
    penalties = Penalties(**found.penalties)
    return Chosen(calibrations.load_samples(found), penalties, cast(Kind, found.kind))
