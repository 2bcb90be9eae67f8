"""Two rows that mean the same thing become one, with everything that points to them."""

from decimal import Decimal

import pytest

from battery_db.lib.errors import LabError, NotAllowed
from cells.models import (
    ActiveMaterial,
    ActiveMaterialAtom,
    DryCell,
    DryCellLot,
    Electrode,
    ElectrodeActive,
    Electrolyte,
    Molecule,
    MoleculeLot,
    WetCell,
)
from cells.services.materials import define_electrolyte, define_molecule
from cells.services.merging import merge, moves_of
from cells.services.nodes import define_node, save_lot, save_node
from cells.services.registry import register_cell

pytestmark = pytest.mark.django_db


@pytest.fixture
def twins():
    """The same carbonate under two names, and a salt."""
    define_molecule("LiPF6", "", "salt")
    return define_molecule("EMC", "", "solvent"), define_molecule("MEC", "", "solvent")


def test_everything_that_pointed_to_one_points_to_the_other(twins, people):
    keep, gone = twins
    electrolyte = define_electrolyte("MEC + 1mLiPF6")
    cell = register_cell(10001, electrolyte)

    assert [(move.what, move.count) for move in moves_of(gone)] == [("electrolyte component", 1)]
    assert merge(keep, gone, by=people["curator"]) == 1

    electrolyte.refresh_from_db()
    assert electrolyte.name == "EMC + 1mLiPF6"
    assert define_electrolyte("EMC + 1mLiPF6") == electrolyte
    assert not Molecule.objects.filter(name="MEC").exists()
    cell.refresh_from_db()
    assert cell.electrolyte == electrolyte


def test_a_merge_is_in_the_audit_history_with_who_did_it(twins, people):
    keep, gone = twins
    key = gone.pk

    merge(keep, gone, by=people["curator"])

    last = Molecule.history.filter(id=key).first()
    assert last.history_type == "-"
    assert last.history_user == people["curator"]
    assert last.history_change_reason == f"Merged into {keep.pk}: EMC"
    assert "MEC" in keep.history.first().history_change_reason


def test_what_becomes_the_same_is_merged_too(twins):
    keep, gone = twins
    first, second = define_electrolyte("EMC + 1mLiPF6"), define_electrolyte("MEC + 1mLiPF6")
    register_cell(1, first)
    register_cell(2, second)

    assert merge(keep, gone) == 2

    assert set(WetCell.objects.values_list("electrolyte", flat=True)) == {first.pk}
    assert Electrolyte.objects.get() == first
    assert first.components.count() == 2


def test_lots_go_along_and_equal_ones_become_one(twins):
    keep, gone = twins
    save_lot(MoleculeLot(blueprint=keep, label="A1"))
    moved = save_lot(MoleculeLot(blueprint=gone, label="A1"))
    other = save_lot(MoleculeLot(blueprint=gone, label="B2"))
    electrolyte = define_electrolyte("100%A1(MEC) + 1mLiPF6")

    merge(keep, gone)

    other.refresh_from_db()
    electrolyte.refresh_from_db()
    assert other.name == "B2(EMC)"
    assert not MoleculeLot.objects.filter(pk=moved.pk).exists()
    assert electrolyte.name == "A1(EMC) + 1mLiPF6"


def test_an_electrolyte_that_holds_both_stops_the_merge_and_nothing_has_changed(twins):
    keep, gone = twins
    define_electrolyte("50%EMC+50%MEC")

    with pytest.raises(NotAllowed, match="holds both"):
        merge(keep, gone)

    assert Molecule.objects.filter(pk=gone.pk).exists()
    assert Electrolyte.objects.get().components.count() == 2


def powder(notes: str) -> ActiveMaterial:
    atoms = [ActiveMaterialAtom(symbol="Ni", amount=Decimal(1))]
    row = ActiveMaterial(material_type="NMC", notes=notes, shown=["notes", "material_type"])
    return define_node(row, atoms)[0]


def test_a_merge_goes_up_to_the_dry_cell_and_its_box():
    first, second = powder("old"), powder("new")
    cells = []
    for material in (first, second):
        actives = [ElectrodeActive(material=material, amount=Decimal(100))]
        cathode, _ = define_node(Electrode(polarity="cathode"), actives)
        cells.append(save_node(DryCell(cathode=cathode, shown=["cathode"])))
    box = save_lot(DryCellLot(box_id="50000", blueprint=cells[1]))
    register_cell(1, None, box)

    merge(first, second)

    box.refresh_from_db()
    cell = WetCell.objects.get()
    assert box.name == "50000([CATH={{Ni (old)[NMC]}}])"
    assert (cell.dry_cell, cell.dry_cell_lot) == (cells[0], box)
    assert DryCell.objects.count() == Electrode.objects.count() == 1


def test_only_two_different_rows_of_one_kind_can_be_merged(twins):
    keep, _ = twins

    with pytest.raises(LabError, match="itself"):
        merge(keep, keep)
    with pytest.raises(LabError, match="can not be merged"):
        merge(keep, powder(""))


def test_lots_that_read_alike_and_differ_stop_the_merge(twins):
    keep, gone = twins
    save_lot(MoleculeLot(blueprint=keep, label="A1", vendor="Us"))
    save_lot(MoleculeLot(blueprint=gone, label="A1", vendor="Them", notes="yellowish"))

    with pytest.raises(NotAllowed, match="the two differ"):
        merge(keep, gone)

    assert MoleculeLot.objects.count() == 2


def test_long_names_are_merged_too():
    pair = [save_node(DryCell(notes=letter * 300, shown=["notes"])) for letter in "ab"]

    merge(*pair)

    assert DryCell.objects.get() == pair[0]
