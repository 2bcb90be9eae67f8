"""What the cyclers measured, what people decided about it, and what went out of it."""

from cycling.models.curation import CurationChange, Problem
from cycling.models.cycles import (
    FRAME_COLUMNS,
    CellState,
    CycleGroup,
    CyclingTest,
    HalfCycle,
    HalfCycleQuerySet,
    Polarity,
    TableDeclaration,
)
from cycling.models.exports import DatasetExport, Shard

__all__ = [
    "FRAME_COLUMNS",
    "CellState",
    "CurationChange",
    "CycleGroup",
    "CyclingTest",
    "DatasetExport",
    "HalfCycle",
    "HalfCycleQuerySet",
    "Polarity",
    "Problem",
    "Shard",
    "TableDeclaration",
]
