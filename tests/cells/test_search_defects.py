"""Known weaknesses of an older search, each impossible here. The names say which."""

from decimal import Decimal

import pytest
from django.http import QueryDict

from cells.forms.search import SearchTreeForm
from cells.models import DryCellLot, ElectrodeLot, Molecule, MoleculeLot
from cells.search_tree import Node
from cells.services.nodes import save_lot
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    register_cell,
)
from cells.services.searching import all_cell_ids, find


@pytest.fixture
def lab(db):
    """1: VC 2 %, boxed; 2: VC 2.15 %, secret; 3: dry cell only; 4: electrolyte only; 5: neither."""
    for name, role in (("EC", "solvent"), ("VC", "additive"), ("FEC", "additive")):
        define_molecule(name, "", role)
    lot = save_lot(MoleculeLot(blueprint=Molecule.objects.get(short_name="VC"), label="V-1"))
    open_ = define_electrolyte(f"EC + ADDITIVES:(2%{lot.name})")
    secret = define_electrolyte("EC + ADDITIVES:(2.15%VC) [proprietary]")
    solvent = define_electrolyte("50%EC+50%VC")
    dry = define_dry_cell(name="Pouch", cathode="NMC", nominal_capacity_ah=1.0)
    box = save_lot(DryCellLot(blueprint=dry, box_id="B-1"))
    save_lot(ElectrodeLot(blueprint=dry.cathode, label="C-1"))
    register_cell(1, open_, box)
    register_cell(2, secret, dry)
    register_cell(3, None, dry)
    register_cell(4, solvent)
    register_cell(5)
    return {"lot": lot, "dry": dry, "nmc": dry.cathode.name}


def ask(query):
    form = SearchTreeForm(QueryDict(query))
    assert form.is_valid(), form.errors
    return form.tree


def cell_ids(query):
    return all_cell_ids(ask(query))


def refused(query):
    form = SearchTreeForm(QueryDict(query))
    assert not form.is_valid()
    return " ".join(text for _, text in form.problems())


def test_searching_by_a_molecule_lot_does_not_crash(lab):
    assert cell_ids(f"molecule={lab['lot'].name}") == [1]
    assert cell_ids("molecule=VC") == [1, 2, 4]


def test_an_unknown_box_id_finds_nothing_rather_than_all(lab):
    assert cell_ids("box1=B-99") == []
    for node in ("dry-cells", "boxes"):
        assert list(find(ask(f"find={node}&box1=B-99"))) == []
    assert cell_ids("box1=B-99&box2=b-1") == [1]


def test_the_relative_tolerance_of_dry_cells_is_heeded(lab):
    asked = "nominal_capacity_ah=1.08&nominal_capacity_ah_known=on"

    assert cell_ids(asked) == []
    assert cell_ids(f"{asked}&dry_tolerance=10") == [1, 2, 3]


def test_the_relative_tolerance_of_electrolytes_is_heeded(lab):
    assert cell_ids("molecule=VC&amount=2") == [1]
    assert cell_ids("molecule=VC&amount=2&tolerance=10") == [1, 2]
    assert cell_ids("molecule=VC&amount=2&tolerance=0") == [1]


def test_a_wet_cell_with_a_missing_part_is_found_by_what_it_has(lab):
    assert cell_ids("ids=1-5") == [1, 2, 3, 4, 5]
    assert cell_ids("ids=5") == [5]
    assert 3 in cell_ids(f"cathode={lab['nmc']}&cathode_known=on")
    assert 4 in cell_ids("molecule=EC")


def test_proprietary_and_open_cells_are_listed_together(lab):
    assert cell_ids("molecule=VC&role=additive") == [1, 2]
    assert cell_ids("molecule=VC&role=additive&proprietary=yes") == [2]
    assert cell_ids("molecule=VC&role=additive&proprietary=no") == [1]


def test_rows_count_when_proprietary_is_asked(lab):
    assert cell_ids("molecule=FEC&proprietary=yes") == []


def test_the_role_of_a_mandatory_row_is_tested(lab):
    assert cell_ids("molecule=VC&role=solvent") == [4]
    assert cell_ids("molecule=VC&role=additive") == [1, 2]


def test_lots_of_electrodes_can_be_chosen(lab):
    lot = ElectrodeLot.objects.get()

    assert cell_ids(f"cathode={lot.name}&cathode_known=on") == []
    assert cell_ids(f"cathode={lab['nmc']}&cathode_known=on") == [1, 2, 3]


def test_both_shareable_address_and_repeated_search_give_the_same(lab):
    query = "find=cells&molecule=VC&need=mandatory&amount=2&unit=&row_tolerance=0.2&role="

    assert ask(query) == ask(QueryDict(query).urlencode())
    assert cell_ids(query) == [1, 2]


def test_amounts_that_would_be_ignored_are_refused(lab):
    assert "would change nothing" in refused("molecule=VC&need=prohibited&amount=2")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("molecule=XYZ", "'XYZ' is no registered molecule"),
        ("molecule=VC&amount=abc", "'abc' is no amount"),
        ("molecule=VC&amount=1e999", "is no amount"),
        ("molecule=VC&amount=NaN", "is no amount"),
        ("molecule=VC&amount=-2", "is no amount"),
        ("molecule=VC&amount=2&row_tolerance=-1", "negative"),
        ("molecule=VC&row_tolerance=1", "tolerance without an amount"),
        ("molecule=VC&need=perhaps", "no need 'perhaps'"),
        ("molecule=VC&role=hero", "no role 'hero'"),
        ("molecule=VC&molecule=EC&amount=2", "2 molecules and 1 of 'amount'"),
        ("molecule=&amount=2", "no molecule"),
        ("&".join(["molecule=VC"] * 51), "at most 50"),
        ("tolerance=-5", "greater than or equal to 0"),
        ("dry_tolerance=-5", "greater than or equal to 0"),
        ("nominal_capacity_ah=1&nominal_capacity_ah_tolerance=-1", "greater than or equal to 0"),
        ("nominal_capacity_ah_tolerance=1", "tolerance without a value"),
        ("cathode=Nobody", "no electrode 'Nobody'"),
        ("anode={nmc}", "is no anode"),
        ("ids=20-10", "runs backwards"),
        ("ids=abc", "neither a number nor a range"),
        ("temperature_celsius=30&temperature_celsius_min=20", "exact value and a range"),
        ("temperature_celsius_min=30&temperature_celsius_max=20", "above"),
        ("date=yesterday", "valid date"),
        ("find=everything", "not one of the available choices"),
        ("dataset=nothing", "not one of the available choices"),
    ],
)
def test_bad_input_is_refused_in_words(lab, query, words):
    assert words in refused(query.format(nmc=lab["nmc"]))


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "%", "_", "\\", "'; --", "*", "(["])
def test_signs_that_mean_something_elsewhere_are_plain_text(lab, text):
    for field in ("notes1", "dry_notes", "box1", "operator", "file1", "folder1"):
        data = QueryDict(mutable=True)
        data.update({field: text, "find": "cycling", "among": "cycling"})
        form = SearchTreeForm(data)

        assert form.is_valid()
        assert list(find(form.tree)) == []


def test_amounts_are_exact_decimals(lab):
    row = ask("molecule=VC&amount=0.1&row_tolerance=0.2").electrolyte.rows[0]

    assert row.limits(Decimal(5)) == (Decimal("-0.1"), Decimal("0.3"))
    assert ask("find=boxes").node == Node.BOXES
