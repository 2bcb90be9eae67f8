"""A lab to look at: files as real cyclers would write them, then an ordinary night."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings

from battery_db.demo import services, writing
from battery_db.demo.lab import DemoCell, cast
from battery_db.lib.commands import LabCommand, run_here
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.tasks import NIGHT


class Command(LabCommand):
    help = (
        "Write the files of a simulated lab into a watched folder, register its cells and "
        "datasets, and run the ordinary nightly job. Can be repeated, and taken up again "
        "after it was stopped half-way."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", type=Path, help="Folder (DATA_DIR/demo-lab).")
        parser.add_argument(
            "--if-empty", action="store_true", help="Do nothing where accounts or folders exist."
        )
        parser.add_argument("--cells", type=int, default=24, help="Registered cells (24).")
        parser.add_argument("--cycles", type=int, default=330, help="Cycles of each (330).")
        parser.add_argument("--seed", type=int, default=7, help="Other seeds, other noise (7).")
        parser.add_argument("--no-night", action="store_true", help="Leave the import to tonight.")

    def run(self, **options: Any) -> dict[str, Any]:
        self.quiet, self.began = options["json"], time.monotonic()
        root: Path = (options["to"] or settings.DATA_DIR / "demo-lab").resolve()
        unfinished = root.with_name(root.name + ".unfinished")
        if options["if_empty"] and not (services.is_empty() or unfinished.exists()):
            return {"created": False, "reason": "This installation is in use already."}
        root.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
        cells = cast(options["cells"])
        services.create_accounts()
        result = {"created": True, "folder": str(root), **services.register_lab(cells)}
        self.tell(f"Registered {result['cells']} cells and {result['datasets']} datasets.")
        result |= self.write(cells, root, options["cycles"], options["seed"])
        services.watch_folder(root)
        self.calibrate(now=not options["no_night"])
        if not options["no_night"]:
            result["night"] = self.run_night()
        unfinished.unlink(missing_ok=True)
        result["accounts"] = services.open_accounts()
        result["seconds"] = round(time.monotonic() - self.began, 1)
        return result

    def write(
        self, cells: tuple[DemoCell, ...], root: Path, cycle_number: int, seed: int
    ) -> dict[str, int]:
        writing.remove_leftovers(root)
        files = []
        for position, cell in enumerate(cells, start=1):
            files += writing.write_cell(cell, root, cycle_number, seed)
            if position % 6 == 0 or position == len(cells):
                self.tell(f"Wrote the files of {position} of {len(cells)} cells.")
        return {
            "files": len(files),
            "records": sum(file.row_count for file in files),
            "bytes": sum(file.byte_count for file in files),
        }

    def calibrate(self, *, now: bool) -> None:
        """The demonstration calibration of infrared spectra, fitted now or by a worker."""
        job = services.request_calibration()
        if now and job is not None:
            self.tell("Fitting the demonstration calibration of infrared spectra …")
            run_here(job)

    def run_night(self) -> str:
        self.tell("Running the nightly job: scan, identify, import, group, export …")
        night = run_here(engine.enqueue(NIGHT, trigger=Job.Trigger.COMMAND, key=NIGHT))
        return str(night.pk)

    def tell(self, line: str) -> None:
        if not self.quiet:
            self.stdout.write(f"{time.monotonic() - self.began:5.1f} s  {line}")
            self.stdout.flush()

    def say(self, result: dict[str, Any]) -> None:
        if not result["created"]:
            self.stdout.write(result["reason"])
            return
        self.stdout.write(
            f"{result['files']} files with {result['records']:,} records "
            f"({result['bytes'] / 1e6:.0f} MB) in {result['folder']}; {result['seconds']} s."
        )
        if result["accounts"]:
            self.stdout.write("Accounts, for demonstrations only:")
            for name, password in result["accounts"].items():
                self.stdout.write(f"  {name:<8} {password}")
