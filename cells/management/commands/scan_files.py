"""Scan watched folders and read the names of what is new, here and now."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cells.jobs import files as jobs
from cells.models import Folder


class Command(BaseCommand):
    help = "Scan all active folders, or the named ones, and read the names of new files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folders", nargs="*", metavar="FOLDER", help="Name of a folder.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        result = jobs.scan_folders(_ids(options["folders"]))
        result["names"] = jobs.identify_files()
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self._print(result)
        if result["errors"]:
            raise SystemExit(1)

    def _print(self, result: dict[str, Any]) -> None:
        counts = ", ".join(f"{result[name]} {name}" for name in jobs.COUNTS)
        self.stdout.write(f"{result['folders']} folders: {counts}.")
        names = result["names"]
        self.stdout.write(f"Names: {names['identified']} understood, {names['invalid']} not.")
        for error in result["errors"]:
            self.stderr.write(f"{error['folder']}: {error['error']} {error['fix']}")


def _ids(names: list[str]) -> list[int] | None:
    if not names:
        return None
    known = dict(Folder.objects.filter(name__in=names).values_list("name", "pk"))
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"No folder is called {', '.join(unknown)}; see the Folders page.")
    return list(known.values())
