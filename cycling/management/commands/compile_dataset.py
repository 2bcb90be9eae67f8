"""Freeze datasets and write their tensors to disk, with the manifest beside them."""

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.text import slugify

from battery_db.lib.commands import LabCommand, run_here
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import Snapshot
from cycling.management.commands.export_dataset import named
from cycling.services import datasets as services


class Command(LabCommand):
    help = "Compile datasets to safetensors shards and a manifest, one folder per snapshot."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME", help="Name or slug of a dataset.")
        parser.add_argument("--to", required=True, type=Path, metavar="DIR")
        parser.add_argument(
            "--together", action="store_true", help="One snapshot of all, each cell in it once."
        )

    def run(self, **options: Any) -> dict[str, Any]:
        written = []
        datasets = [named(name) for name in options["names"]]
        for chosen in [datasets] if options["together"] else [[each] for each in datasets]:
            job = services.request_snapshot(chosen, by=None, trigger=Job.Trigger.COMMAND)
            snapshot = Snapshot.objects.get(pk=run_here(job).result["snapshot"])
            written.append(str(_copy(snapshot, options["to"])))
        return {"snapshots": written}


def _copy(snapshot: Snapshot, target: Path) -> Path:
    folder = target / f"{slugify(snapshot.title)[:100]}-{snapshot.digest[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(snapshot.manifest, indent=1))
    for shard in snapshot.shards.all():
        with (
            storage("snapshots").open(shard.storage_name, "rb") as source,
            (folder / f"{shard.number}.safetensors").open("wb") as copy,
        ):
            shutil.copyfileobj(source, copy)
    return folder
