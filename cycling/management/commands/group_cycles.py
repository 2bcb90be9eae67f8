"""Group the cycles of cells whose groups are stale, or of the cells named."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from battery_db.lib.commands import LabCommand
from cycling.jobs import grouping


class Command(LabCommand):
    help = "Group half-cycles by the five attributes, for stale cells or the cells given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("cell_ids", nargs="*", type=int, metavar="CELL_ID")

    def run(self, **options: Any) -> dict[str, Any]:
        totals: Counter[str] = Counter(cells=0)
        for cell_id in options["cell_ids"] or grouping.stale_cells():
            totals.update(grouping.group_cell(cell_id))
        return dict(totals)
