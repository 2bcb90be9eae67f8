"""Register wet cells. Materials and dry cells are defined in ``materials``."""

from typing import Any

from battery_db.lib.errors import LabError, NotAllowed
from cells.compositions import tidy
from cells.models import DryCell, Electrolyte, FileMetadata, WetCell
from cells.services.materials import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    delete_if_unused,
    save_checked,
)

__all__ = [
    "define_dry_cell",
    "define_electrolyte",
    "define_molecule",
    "delete_if_unused",
    "edit_cell",
    "register_cell",
    "unregistered_with_files",
]

LARGEST_CELL_ID = 2_147_483_647


def register_cell(
    cell_id: int,
    electrolyte: Electrolyte | None = None,
    dry_cell: DryCell | None = None,
    notes: str = "",
    *,
    by: Any = None,
) -> WetCell:
    """The wet cell under ``cell_id``; the same again changes nothing, NotAllowed if it differs."""
    notes = tidy(notes)
    existing = WetCell.objects.filter(cell_id=cell_id).first()
    if existing is None:
        if not 1 <= cell_id <= LARGEST_CELL_ID:
            raise LabError(
                f"{cell_id} is no Cell ID.", fix="Use a whole number from 1 to 2,147,483,647."
            )
        cell = WetCell(cell_id=cell_id, electrolyte=electrolyte, dry_cell=dry_cell, notes=notes)
        return save_checked(cell, by)
    found = (existing.electrolyte, existing.dry_cell, existing.notes)
    if found != (electrolyte, dry_cell, notes):
        raise NotAllowed(
            f"Cell {cell_id} is registered already, with {existing.dry_cell or 'unknown dry cell'} "
            f"and {existing.electrolyte or 'unknown electrolyte'}.",
            fix="Edit that cell, or use another Cell ID.",
        )
    return existing


def edit_cell(
    cell: WetCell,
    electrolyte: Electrolyte | None,
    dry_cell: DryCell | None,
    notes: str,
    *,
    by: Any = None,
) -> WetCell:
    """Correct what is registered; the Cell ID itself never changes."""
    cell.electrolyte, cell.dry_cell, cell.notes = electrolyte, dry_cell, tidy(notes)
    return save_checked(cell, by)


def unregistered_with_files(cell_ids: list[int]) -> list[int]:
    """Those of ``cell_ids`` that files speak of and nobody has registered."""
    registered = set(WetCell.objects.filter(cell_id__in=cell_ids).values_list("cell_id", flat=True))
    missing = [cell_id for cell_id in cell_ids if cell_id not in registered]
    spoken_of = FileMetadata.objects.filter(cell_id__in=missing).values_list("cell_id", flat=True)
    return sorted({cell_id for cell_id in spoken_of if cell_id is not None})
