from cells.models.datasets import (
    Dataset,
    DatasetCell,
    DatasetFilter,
    FilterRange,
    Snapshot,
    SnapshotDataset,
)
from cells.models.designs import (
    DryCell,
    DryCellLot,
    Electrolyte,
    ElectrolyteComponent,
    ElectrolyteLot,
)
from cells.models.electrodes import (
    CellGeometry,
    Electrode,
    ElectrodeActive,
    ElectrodeInactive,
    ElectrodeLot,
    Separator,
    SeparatorLot,
    SeparatorPart,
)
from cells.models.files import FileMetadata, Folder, RawFile
from cells.models.grammar import NameRule
from cells.models.materials import (
    ActiveMaterial,
    ActiveMaterialAtom,
    ActiveMaterialLot,
    Coating,
    CoatingLot,
    InactiveMaterial,
    InactiveMaterialLot,
    Molecule,
    MoleculeLot,
    SeparatorMaterial,
    SeparatorMaterialLot,
)
from cells.models.nodes import Blueprint, LotModel, WeightedPart
from cells.models.saved_searches import SavedSearch
from cells.models.wet_cells import WetCell

# Every kind of node, in the order in which a cell is put together.
BLUEPRINTS: dict[str, type[Blueprint]] = {
    model.kind_key: model
    for model in (
        Molecule,
        Electrolyte,
        Coating,
        ActiveMaterial,
        InactiveMaterial,
        Electrode,
        SeparatorMaterial,
        Separator,
        CellGeometry,
        DryCell,
    )
}
LOTS: dict[str, type[LotModel]] = {
    "molecule": MoleculeLot,
    "electrolyte": ElectrolyteLot,
    "coating": CoatingLot,
    "active-material": ActiveMaterialLot,
    "inactive-material": InactiveMaterialLot,
    "electrode": ElectrodeLot,
    "separator-material": SeparatorMaterialLot,
    "separator": SeparatorLot,
    "dry-cell": DryCellLot,
}
PARTS: dict[tuple[str, str], type[WeightedPart]] = {
    ("active-material", "atoms"): ActiveMaterialAtom,
    ("electrode", "actives"): ElectrodeActive,
    ("electrode", "inactives"): ElectrodeInactive,
    ("separator", "materials"): SeparatorPart,
}

__all__ = [
    "BLUEPRINTS",
    "LOTS",
    "PARTS",
    "ActiveMaterial",
    "ActiveMaterialAtom",
    "ActiveMaterialLot",
    "Blueprint",
    "CellGeometry",
    "Coating",
    "CoatingLot",
    "Dataset",
    "DatasetCell",
    "DatasetFilter",
    "DryCell",
    "DryCellLot",
    "Electrode",
    "ElectrodeActive",
    "ElectrodeInactive",
    "ElectrodeLot",
    "Electrolyte",
    "ElectrolyteComponent",
    "ElectrolyteLot",
    "FileMetadata",
    "FilterRange",
    "Folder",
    "InactiveMaterial",
    "InactiveMaterialLot",
    "LotModel",
    "Molecule",
    "MoleculeLot",
    "NameRule",
    "RawFile",
    "SavedSearch",
    "Separator",
    "SeparatorLot",
    "SeparatorMaterial",
    "SeparatorMaterialLot",
    "SeparatorPart",
    "Snapshot",
    "SnapshotDataset",
    "WeightedPart",
    "WetCell",
]
