"""Plots of a dataset's cells together: a grid of panels, under their short names."""

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from battery_db.lib.palette import COLOURS, SYMBOLS
from cells.models import Dataset
from cycling.plots import Panel, Points, thinned
from cycling.quantities import Quantity, with_quantity
from cycling.services.selections import CellRows, cells_of

POINTS_PER_GRID = 12_000
MOST_PANELS = 60
MOST_COLUMNS = 4


def panels_of(
    dataset: Dataset, quantity: Quantity, mode: str, filter_name: str = ""
) -> list[Panel]:
    """``quantity`` against cycle number: panels by filter, by cell, or one for all.

    A cell has its colour of the dataset, a filter its symbol; where panels are cells, a
    filter's colour tells filters apart. ``filter_name`` leaves out all other filters.
    """
    panels: dict[str, list[Points]] = {}
    looks = _Looks(dataset)
    for cell in cells_of(dataset):
        for name, rows in _plotted(cell, quantity, filter_name):
            points = looks.points(cell, name, rows, by_filter=mode == Dataset.Panels.CELL)
            title = {
                Dataset.Panels.FILTER: name,
                Dataset.Panels.CELL: str(cell.member),
            }.get(mode, "")  # type: ignore[call-overload]
            shown = f"{points.name}, {name}" if mode == Dataset.Panels.ONE else points.name
            panels.setdefault(title, []).append(replace(points, name=shown))
    filters = list(dataset.filters.order_by("name").values_list("name", flat=True))
    order = filters if mode == Dataset.Panels.FILTER else []
    titles = sorted(panels, key=lambda title: order.index(title) if title in order else 0)
    chosen = titles[:MOST_PANELS]
    share = POINTS_PER_GRID // max(1, len(chosen))
    return [Panel(title, tuple(thinned(panels[title], share))) for title in chosen]


def _plotted(
    cell: CellRows, quantity: Quantity, filter_name: str
) -> Iterator[tuple[str, pl.DataFrame]]:
    for name, _, selected in cell.selected:
        if filter_name and name != filter_name:
            continue
        rows = with_quantity(selected, quantity).drop_nulls("y").sort("cycle")
        if rows.height:
            yield name, rows


class _Looks:
    """Colours and symbols that stay the same in all panels."""

    def __init__(self, dataset: Dataset) -> None:
        colours = dict(dataset.filters.order_by("name").values_list("name", "colour"))
        self.filters = {
            name: (colour or COLOURS[place % len(COLOURS)], SYMBOLS[place % len(SYMBOLS)])
            for place, (name, colour) in enumerate(colours.items())
        }
        self.cells: dict[int, str] = {}

    def points(
        self, cell: CellRows, filter_name: str, rows: pl.DataFrame, *, by_filter: bool
    ) -> Points:
        colour, symbol = self.filters.get(filter_name, (COLOURS[0], SYMBOLS[0]))
        own = self.cells.setdefault(
            cell.cell_id, cell.member.colour or COLOURS[len(self.cells) % len(COLOURS)]
        )
        return Points(
            filter_name if by_filter else str(cell.member),
            rows["cycle"].to_numpy(),
            rows["y"].to_numpy(),
            colour=colour if by_filter else own,
            symbol=symbol if by_filter else self._symbol(cell.cell_id, symbol),
        )

    def _symbol(self, cell_id: int, of_filter: str) -> str:
        """More cells than colours: the second round of colours has the next symbols."""
        turn = list(self.cells).index(cell_id) // len(COLOURS)
        return SYMBOLS[(SYMBOLS.index(of_filter) + turn) % len(SYMBOLS)]
