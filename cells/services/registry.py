"""Register wet cells. Materials and dry cells are defined in ``materials``."""

from typing import Any

from battery_db.lib.errors import LabError, NotAllowed
from cells.compositions import tidy
from cells.models import (
    DryCell,
    DryCellLot,
    Electrolyte,
    ElectrolyteLot,
    FileMetadata,
    LotModel,
    WetCell,
)
from cells.services.materials import define_dry_cell, define_electrolyte, define_molecule
from cells.services.nodes import delete_if_unused, save_checked

Filling = Electrolyte | ElectrolyteLot
Body = DryCell | DryCellLot

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
    electrolyte: Filling | None = None,
    dry_cell: Body | None = None,
    notes: str = "",
    *,
    proprietary: bool = False,
    by: Any = None,
) -> WetCell:
    """The wet cell under ``cell_id``; the same again changes nothing, NotAllowed if it differs.

    A lot stands for itself and its blueprint; either part may be unknown.
    """
    fields = parts_of(electrolyte, dry_cell) | {"notes": tidy(notes), "proprietary": proprietary}
    existing = WetCell.objects.with_names().filter(cell_id=cell_id).first()
    if existing is None:
        if not 1 <= cell_id <= LARGEST_CELL_ID:
            raise LabError(
                f"{cell_id} is no Cell ID.", fix="Use a whole number from 1 to 2,147,483,647."
            )
        return save_checked(WetCell(cell_id=cell_id, **fields), by)
    if any(getattr(existing, name) != value for name, value in fields.items()):
        raise NotAllowed(
            f"Cell {cell_id} is registered already, with {existing.body or 'unknown dry cell'} "
            f"and {existing.filling or 'unknown electrolyte'}.",
            fix="Edit that cell, or use another Cell ID.",
        )
    return existing


def edit_cell(
    cell: WetCell,
    electrolyte: Filling | None,
    dry_cell: Body | None,
    notes: str,
    *,
    proprietary: bool | None = None,
    by: Any = None,
) -> WetCell:
    """Correct what is registered; the Cell ID itself never changes."""
    for name, value in parts_of(electrolyte, dry_cell).items():
        setattr(cell, name, value)
    cell.notes = tidy(notes)
    cell.proprietary = cell.proprietary if proprietary is None else proprietary
    return save_checked(cell, by)


def parts_of(electrolyte: Filling | None, dry_cell: Body | None) -> dict[str, Any]:
    """The four columns of a wet cell that say what it is made of."""
    fields: dict[str, Any] = {}
    for name, part in (("electrolyte", electrolyte), ("dry_cell", dry_cell)):
        is_lot = isinstance(part, LotModel)
        fields[name] = part.blueprint if is_lot else part  # type: ignore[union-attr]
        fields[f"{name}_lot"] = part if is_lot else None
    return fields


def unregistered_with_files(cell_ids: list[int]) -> list[int]:
    """Those of ``cell_ids`` that files speak of and nobody has registered."""
    registered = set(WetCell.objects.filter(cell_id__in=cell_ids).values_list("cell_id", flat=True))
    missing = [cell_id for cell_id in cell_ids if cell_id not in registered]
    spoken_of = FileMetadata.objects.filter(cell_id__in=missing).values_list("cell_id", flat=True)
    return sorted({cell_id for cell_id in spoken_of if cell_id is not None})
