"""Import cycling files now: those that are new, or those named."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from battery_db.lib.commands import LabCommand
from battery_db.lib.errors import LabError
from battery_db.lib.names import to_text
from cells.models import Folder, RawFile
from cycling.jobs import importing


class Command(LabCommand):
    help = "Import new and changed cycling files, or the files at the given paths."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="*", metavar="PATH", help="Files inside a watched folder."
        )

    def run(self, **options: Any) -> dict[str, Any]:
        files = importing.stale().select_related("folder")
        if options["paths"]:
            wanted = [_known(Path(path)) for path in options["paths"]]
            files = importing.importable().filter(pk__in=wanted).select_related("folder")
        return importing.count(
            importing.import_file(file) for file in files.iterator(chunk_size=200)
        )


def _known(path: Path) -> int:
    """The row of a path. Raises LabError when no scan has seen it."""
    path = path.absolute()
    for folder in Folder.objects.all():
        if path.is_relative_to(folder.path):
            inside = to_text(path.relative_to(folder.path))
            file = RawFile.objects.filter(folder=folder, path=inside).first()
            if file is not None:
                return file.pk
    raise LabError(
        f"{path} is not a file that a scan has seen.",
        fix="Run scan_files first; add its folder if it is not watched.",
    )
