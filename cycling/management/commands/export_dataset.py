"""Write a dataset to disk as files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from battery_db.lib.commands import LabCommand
from battery_db.lib.errors import LabError
from cells.models import Dataset
from cycling.jobs import exporting
from cycling.models import DatasetExport


class Command(LabCommand):
    help = "Export a dataset as a folder: dataset/cell/filter.csv, or in another format."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Name or slug of the dataset.")
        parser.add_argument("--to", required=True, type=Path, metavar="DIR")
        parser.add_argument("--format", choices=DatasetExport.Format.values, default="csv")

    def run(self, **options: Any) -> dict[str, Any]:
        dataset = named(options["name"])
        return {
            "dataset": dataset.name,
            "files": exporting.export_to_folder(dataset, options["to"], options["format"]),
        }


def named(name: str) -> Dataset:
    """The dataset of that name or slug; LabError lists what there is."""
    dataset = Dataset.objects.filter(name=name).first() or Dataset.objects.filter(slug=name).first()
    if dataset is None:
        known = ", ".join(Dataset.objects.values_list("name", flat=True)[:20]) or "none"
        raise LabError(f"There is no dataset {name!r}.", fix=f"Known datasets: {known}.")
    return dataset
