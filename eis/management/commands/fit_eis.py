"""Fit impedance files on disk and write the results as files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from battery_db.lib.commands import LabCommand
from eis.services.circuits import circuit_of, lab_circuit

SIGNS = {"plus": "Z''", "minus": "-Z''"}


class Command(LabCommand):
    help = "Fit the impedance files at the given paths; the database is not touched."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="Files or folders.")
        parser.add_argument(
            "--circuit", default="", help="A name or R0-p(R1,CPE1)-Wo1; default: the lab's."
        )
        parser.add_argument(
            "--to",
            default=Path("eis-fits"),
            metavar="DIR",
            type=Path,
            help="Where results go; default: eis-fits/ here.",
        )
        parser.add_argument(
            "--radians", action="store_true", help="Characteristic frequencies in rad/s, not Hz."
        )
        parser.add_argument(
            "--frequency",
            choices=["Hz", "rad/s"],
            default="",
            help="What the first column of tables without a header is; default: Hz.",
        )
        parser.add_argument(
            "--imaginary",
            choices=SIGNS,
            default="",
            help="Whether their third column is Z'' or -Z''; default: as the data say.",
        )
        parser.add_argument("--no-pictures", action="store_true", help="Write no PNG.")

    def run(self, **options: Any) -> dict[str, Any]:
        from eis.folders import Options, fit_folder
        from eis.formats import Told

        circuit = circuit_of(options["circuit"]) if options["circuit"] else lab_circuit()
        chosen = Options(
            radians=options["radians"],
            pictures=not options["no_pictures"],
            told=Told(options["frequency"], SIGNS.get(options["imaginary"], "")),
            report=self._report,
        )
        self._shown = ""
        return {"circuit": circuit.text} | fit_folder(
            options["paths"], circuit, options["to"], chosen
        )

    def _report(self, done: int, total: int, text: str) -> None:
        """One line per step and tenth, on stderr so that ``--json`` stays clean."""
        word = text.split(" ")[0]
        shown = f"{word} {10 * done // max(total, 1)}"
        if shown != self._shown:
            self._shown = shown
            self.stderr.write(f"{word} {done} of {total}", ending="\n")
