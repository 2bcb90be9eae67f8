"""Cells in the formats that others read: out and in again without loss."""

import json
from decimal import Decimal

import pytest

from battery_db.lib.errors import LabError, NotAllowed
from cells.models import (
    BLUEPRINTS,
    ActiveMaterial,
    ActiveMaterialAtom,
    CellGeometry,
    Coating,
    DryCell,
    DryCellLot,
    Electrode,
    ElectrodeActive,
    ElectrodeInactive,
    Electrolyte,
    ElectrolyteLot,
    InactiveMaterial,
    Separator,
    SeparatorMaterial,
    SeparatorPart,
    WetCell,
)
from cells.services.interchange import battinfo_of, import_battinfo, import_bpx
from cells.services.materials import define_electrolyte, define_molecule
from cells.services.nodes import define_node, save_lot
from cells.services.registry import register_cell

pytestmark = pytest.mark.django_db
SMILES = {"EC": "C1COC(=O)O1", "DMC": "COC(=O)OC", "LiPF6": "[Li+].F[P-](F)(F)(F)(F)F", "VC": ""}


@pytest.fixture
def cell():
    """A cell with a value in every kind of node."""
    roles = {"EC": "solvent", "DMC": "solvent", "LiPF6": "salt"}
    for name, smiles in SMILES.items():
        define_molecule(name, smiles, roles.get(name, "additive"))
    electrolyte = define_electrolyte("70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(?%VC)", notes="dry")
    filling = save_lot(ElectrolyteLot(blueprint=electrolyte, label="E-7", vendor="Us", shown=[]))
    coating, _ = define_node(Coating(short_name="Al2O3"))
    powder, _ = define_node(
        ActiveMaterial(
            material_type="NMC",
            crystal="single",
            particle_size_um=Decimal("3.5"),
            coating=coating,
            shown=["material_type", "crystal"],
        ),
        [
            ActiveMaterialAtom(symbol="Ni", amount=Decimal("0.6")),
            ActiveMaterialAtom(symbol="O", amount=Decimal(2)),
            ActiveMaterialAtom(symbol="Li", amount=None),
        ],
    )
    binder, _ = define_node(InactiveMaterial(short_name="PVDF", role="binder"))
    cathode, _ = define_node(
        Electrode(polarity="cathode", loading_mg_cm2=Decimal(21), shown=["loading_mg_cm2"]),
        [
            ElectrodeActive(material=powder, amount=Decimal(100)),
            ElectrodeInactive(material=binder, amount=Decimal("2.5")),
        ],
    )
    anode, _ = define_node(Electrode(polarity="anode", notes="anode-free", shown=["notes"]))
    film, _ = define_node(SeparatorMaterial(short_name="PE"))
    separator, _ = define_node(
        Separator(thickness_um=Decimal(16), shown=["thickness_um"]),
        [SeparatorPart(material=film, amount=Decimal(100))],
    )
    geometry, _ = define_node(
        CellGeometry(category="pouch", width_mm=Decimal(20), shown=["category", "width_mm"])
    )
    body, _ = define_node(
        DryCell(
            label="Pouch A",
            cathode=cathode,
            anode=anode,
            separator=separator,
            geometry=geometry,
            nominal_capacity_ah=0.24,
            upper_cutoff_voltage=4.3,
            shown=["cathode"],
        )
    )
    box = save_lot(DryCellLot(blueprint=body, box_id="50000"))
    return register_cell(10001, filling, box, "first of the batch")


def everything() -> dict[str, list[str]]:
    return {
        key: sorted(str(row) for row in model.objects.all()) for key, model in BLUEPRINTS.items()
    }


def forget() -> None:
    """Empty the registry, wholes before parts."""
    WetCell.objects.all().delete()
    for model in (DryCellLot, ElectrolyteLot, DryCell, Electrolyte, Electrode, Separator):
        model.objects.all().delete()
    for model in [ActiveMaterial, *BLUEPRINTS.values()]:
        model.objects.all().delete()


def test_a_cell_comes_back_from_battinfo_as_it_was(cell):
    document, before, label = (
        battinfo_of(cell, "https://lab/cells/10001/"),
        everything(),
        cell.label,
    )
    forget()

    made = import_battinfo(json.dumps(document).encode()).row

    assert everything() == before
    assert made.label == label
    assert (made.notes, made.dry_cell.nominal_capacity_ah) == ("first of the batch", 0.24)
    assert made.electrolyte_lot.vendor == "Us"
    assert battinfo_of(made, "https://lab/cells/10001/") == document


def test_importing_the_same_cell_again_changes_nothing(cell):
    content = json.dumps(battinfo_of(cell)).encode()
    before = everything()

    assert import_battinfo(content).row == cell
    assert everything() == before


def test_the_document_speaks_the_words_of_battinfo(cell):
    document = battinfo_of(cell)

    assert document["@context"][0] == "https://w3id.org/emmo/domain/battery/context"
    assert document["@type"] == ["PouchCell", "schema:Product"]
    powder = document["hasPositiveElectrode"]["hasCoating"]["hasActiveMaterial"][0]
    assert powder["molecularFormula"] == {"rdfs:comment": "Ni0.6O2Li?"}
    solvents = document["hasElectrolyte"]["hasSolvent"]["hasConstituent"]
    assert {part["schema:name"] for part in solvents} == {"EC", "DMC"}
    assert solvents[0]["hasProperty"][0]["hasMeasurementUnit"] == "unit:PERCENT"


def test_a_document_of_another_lab_is_read():
    def fraction(value):
        return {
            "@type": "MassFraction",
            "hasNumericalPart": {"@type": "emmo:RealData", "hasNumberValue": value},
            "hasMeasurementUnit": "unit:PERCENT",
        }

    salt = {
        "@type": "LithiumHexafluorophosphate",
        "hasMeasuredProperty": {
            "@type": "AmountConcentration",
            "hasNumericalPart": {"hasNumberValue": 1},
            "hasMeasurementUnit": "unit:MOL-PER-L",
        },
    }
    powder = {"rdfs:comment": "LFP", "molecularFormula": {"rdfs:comment": "LiFePO4"}}
    document = {
        "@context": "https://w3id.org/emmo/domain/battery/context",
        "@type": "CoinCell",
        "hasPositiveElectrode": {"hasCoating": {"hasActiveMaterial": powder}},
        "hasElectrolyte": {
            "hasSolvent": {
                "hasConstituent": [
                    {"@type": "EthyleneCarbonate", "hasMeasuredProperty": fraction(30)},
                    {"@type": "EthylMethylCarbonate", "hasMeasuredProperty": fraction(70)},
                ]
            },
            "hasSolute": {"hasConstituent": salt},
        },
        "hasCase": {"@type": "R2032"},
    }

    made = import_battinfo(json.dumps(document).encode(), cell_id=7).row

    assert made.electrolyte.name == (
        "70%EthylMethylCarbonate+30%EthyleneCarbonate + 1MLithiumHexafluorophosphate"
    )
    assert made.dry_cell.name == "[CATH=O4 Fe Li P[LFP]]"
    assert made.dry_cell.geometry.category == "coin"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"{}", "describes no cell"),
        (b'{"hasElectrolyte": 3}', "Use a JSON object"),
        (b'{"hasCase": {}, "@type": "CoinCell"}', "no Cell ID"),
    ],
)
def test_a_document_that_can_not_be_read_is_refused_and_nothing_is_kept(content, words):
    with pytest.raises(LabError, match=words):
        import_battinfo(content)

    assert not any(everything().values())


def test_a_cell_id_that_is_taken_by_another_cell_is_refused_and_nothing_is_kept(cell):
    register_cell(10002)
    before = everything()
    document = battinfo_of(cell) | {"schema:productID": "10002"}
    document["hasElectrolyte"]["schema:description"] = "another"

    with pytest.raises(NotAllowed, match="10002 is registered already"):
        import_battinfo(json.dumps(document).encode())

    assert everything() == before


def electrode(thickness: float) -> dict:
    return {
        "Particle radius [m]": 2.0e-6,
        "Thickness [m]": thickness,
        "Diffusivity [m2.s-1]": 1e-14,
        "OCP [V]": "3 + x",
        "Conductivity [S.m-1]": 1.0,
        "Surface area per unit volume [m-1]": 400000,
        "Porosity": 0.3,
        "Transport efficiency": 0.2,
        "Reaction rate constant [mol.m-2.s-1]": 1e-6,
        "Minimum stoichiometry": 0.01,
        "Maximum stoichiometry": 0.99,
        "Maximum concentration [mol.m-3]": 30000,
    }


def bpx_file(**changes) -> bytes:
    document = {
        "Header": {"BPX": "1.1.0", "Title": "NMC pouch", "Model": "DFN", **changes},
        "Parameterisation": {
            "Cell": {
                "Electrode area [m2]": 0.016,
                "Nominal cell capacity [A.h]": 5,
                "Lower voltage cut-off [V]": 2.7,
                "Upper voltage cut-off [V]": 4.2,
                "Reference temperature [K]": 298.15,
                "Number of electrode pairs connected in parallel to make a cell": 34,
            },
            "Electrolyte": {
                "Cation transference number": 0.26,
                "Diffusivity [m2.s-1]": 1e-10,
                "Conductivity [S.m-1]": 1.0,
            },
            "Negative electrode": electrode(5.6e-05),
            "Positive electrode": electrode(5.23e-05),
            "Separator": {"Thickness [m]": 2e-05, "Porosity": 0.47, "Transport efficiency": 0.3},
        },
    }
    return json.dumps(document).encode()


def test_a_bpx_file_gives_a_dry_cell_in_the_units_of_the_lab():
    imported = import_bpx(bpx_file())

    cell = imported.row
    assert cell.label == "NMC pouch"
    assert (cell.nominal_capacity_ah, cell.lower_cutoff_voltage) == (5, 2.7)
    assert cell.cathode.thickness_um == Decimal("52.3")
    assert cell.cathode.porosity_percent == 30
    assert cell.separator.thickness_um == 20
    assert cell.anode.actives.get().material.particle_size_um == 4
    assert any("electrolyte transport" in words for words in imported.left_out)
    assert import_bpx(bpx_file()).row == cell


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nothing", "no BPX"),
        (b"{}", "BPX"),
        (bpx_file(Model="XYZ"), "no valid BPX"),
    ],
)
def test_what_is_no_bpx_is_refused_by_name_of_the_field(content, words):
    with pytest.raises(LabError, match=words):
        import_bpx(content)

    assert not DryCell.objects.exists()
