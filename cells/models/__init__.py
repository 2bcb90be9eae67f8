from cells.models.datasets import Dataset, DatasetCell, DatasetFilter, FilterRange, Snapshot
from cells.models.designs import DryCell, Electrolyte, ElectrolyteComponent
from cells.models.files import FileMetadata, Folder, RawFile
from cells.models.materials import Molecule
from cells.models.wet_cells import WetCell

__all__ = [
    "Dataset",
    "DatasetCell",
    "DatasetFilter",
    "DryCell",
    "Electrolyte",
    "ElectrolyteComponent",
    "FileMetadata",
    "FilterRange",
    "Folder",
    "Molecule",
    "RawFile",
    "Snapshot",
    "WetCell",
]
