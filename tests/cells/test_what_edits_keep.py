"""An edit changes what was edited, and nothing that stood beside it."""

import json

import pytest

from battery_db.lib.errors import LabError, NotAllowed
from cells.models import (
    Dataset,
    DryCell,
    DryCellLot,
    Electrode,
    ElectrodeLot,
    Electrolyte,
    ElectrolyteLot,
    Molecule,
    WetCell,
)
from cells.services.bulk_registration import plan_registration
from cells.services.interchange import import_battinfo
from cells.services.materials import (
    as_recipe,
    define_electrolyte,
    define_molecule,
    filling_of,
    near_electrolytes,
)
from cells.services.nodes import define_node, save_lot, save_node
from cells.services.registry import register_cell

pytestmark = pytest.mark.django_db
JSON = {"content_type": "application/json"}


@pytest.fixture
def molecules():
    for name, role in [("EC", "solvent"), ("DMC", "solvent"), ("LiPF6", "salt")]:
        define_molecule(name, "", role)


@pytest.fixture
def box():
    cell = save_node(DryCell(label="Pouch A"))
    return save_lot(DryCellLot(blueprint=cell, box_id="B-17"))


def test_a_saved_form_leaves_a_proprietary_cell_proprietary(client_as):
    register_cell(7, proprietary=True)
    client = client_as("curator")
    form = client.get("/cells/7/edit/").context["form"]

    values = {name: value or "" for name, value in form.initial.items() if name != "proprietary"}
    client.post("/cells/7/edit/", values | {"proprietary": form["proprietary"].value()})

    assert WetCell.objects.get().proprietary


def test_a_patched_cell_stays_in_its_box_and_lot(client_as, molecules, box):
    lot = save_lot(ElectrolyteLot(blueprint=define_electrolyte("EC + 1mLiPF6"), label="E-1"))
    register_cell(7, lot, box)
    client = client_as("member")

    client.patch("/api/v1/cells/7/", {"notes": "x"}, **JSON)
    client.put("/api/v1/cells/7/", client.get("/api/v1/cells/7/").json(), **JSON)

    cell = WetCell.objects.get()
    assert (cell.notes, cell.filling, cell.body) == ("x", lot, box)


def test_a_new_electrode_does_not_keep_the_lot_of_the_old_one(client_as):
    first, second = (
        save_node(Electrode(polarity="cathode", notes=word, shown=["notes"])) for word in "ab"
    )
    lot = save_lot(ElectrodeLot(blueprint=first, label="L"))
    cell = save_node(DryCell(cathode=first, cathode_lot=lot, shown=["cathode"]))

    client_as("member").patch(f"/api/v1/dry-cells/{cell.pk}/", {"cathode": second.pk}, **JSON)

    cell.refresh_from_db()
    assert (cell.cathode_lot, cell.name) == (None, "[CATH=(b)]")


def test_a_patched_electrolyte_goes_on_hiding_what_it_hid(client_as, molecules):
    recipe = as_recipe("EC + 1mLiPF6", "secret sauce")
    from dataclasses import replace

    row = define_electrolyte(replace(recipe, shown=frozenset()))

    client_as("member").patch(f"/api/v1/electrolytes/{row.pk}/", {"proprietary": True}, **JSON)

    row.refresh_from_db()
    assert (row.proprietary, row.name) == (True, "EC + 1mLiPF6")


def test_a_box_id_goes_before_the_number_of_a_dry_cell(box):
    other = save_node(DryCell(label="Pouch B"))
    numbered = save_lot(DryCellLot(blueprint=box.blueprint, box_id=str(other.pk)))

    (row,) = plan_registration(f"cell_id,dry_cell\n1,{other.pk}\n").rows

    assert row.dry_cell == numbered


def test_a_label_on_lots_of_two_electrolytes_is_asked_about(molecules):
    for text in ("EC + 1mLiPF6", "DMC + 1mLiPF6"):
        save_lot(ElectrolyteLot(blueprint=define_electrolyte(text), label="B1"))

    with pytest.raises(LabError, match="several lots"):
        filling_of("b1")
    with pytest.raises(LabError, match="several lots"):
        plan_registration("cell_id,electrolyte\n1,B1\n")


def test_amounts_never_mean_an_electrolyte_with_hidden_notes(molecules):
    from dataclasses import replace

    hidden = replace(as_recipe("EC + 1mLiPF6", "secret sauce"), shown=frozenset())
    define_electrolyte(hidden)

    (row,) = plan_registration("cell_id,EC,LiPF6\n1,100,1\n").rows

    assert row.verdict == "error"
    assert "which is another" in row.message


def test_invisible_characters_make_no_second_molecule(molecules):
    assert define_molecule("E\u200bC", "", "solvent") == Molecule.objects.get(name="EC")
    assert define_molecule("\u202eEC", "", "solvent") == Molecule.objects.get(name="EC")


def test_a_near_duplicate_is_found_among_hundreds_of_the_same_molecules(molecules):
    texts = [f"{50 + i / 10:g}%DMC+{50 - i / 10:g}%EC + 1mLiPF6" for i in range(40)]
    for text in texts:
        define_electrolyte(text)

    near = near_electrolytes(as_recipe("53.03%DMC+46.97%EC + 1mLiPF6"))

    assert near[0][0].name == "53%DMC+47%EC + 1mLiPF6"
    assert near[0][1] == pytest.approx(0.064, abs=0.001)


def test_a_refused_cell_leaves_no_empty_dataset(client_as):
    client = client_as("member")

    client.post("/cells/add-to-dataset/", {"cell": ["999"], "name": "New", "search": ""})

    assert not Dataset.objects.exists()


def test_porosity_is_at_most_all_of_it():
    with pytest.raises(LabError, match="0 to 100"):
        define_node(Electrode(polarity="anode", notes="x", shown=["notes"], porosity_percent=300))


@pytest.mark.parametrize(
    "document",
    [
        {"hasElectrolyte": {"hasSolvent": "x"}},
        {"hasSeparator": "x"},
        {"hasPositiveElectrode": {"hasCoating": ["x"]}},
        {
            "hasCase": {},
            "battery_db:dry_cell": {
                "battery_db:lot": {"schema:productID": "1", "schema:productionDate": "2024-13-45"},
                "schema:model": "A",
            },
        },
    ],
)
def test_wrong_json_ld_is_refused_in_words(document):
    with pytest.raises(LabError):
        import_battinfo(json.dumps(document).encode(), cell_id=1)

    assert not WetCell.objects.exists()


def test_an_electrolyte_of_the_same_name_is_named_and_not_made(molecules):
    from dataclasses import replace

    define_electrolyte(replace(as_recipe("EC + 1mLiPF6", "one"), shown=frozenset()))

    with pytest.raises(NotAllowed, match="which is another"):
        define_electrolyte(replace(as_recipe("EC + 1mLiPF6", "two"), shown=frozenset()))

    assert Electrolyte.objects.count() == 1
