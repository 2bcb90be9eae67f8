import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection

from battery_db.lib.errors import LabError, NotAllowed
from cells.models import Electrode, Electrolyte, ElectrolyteComponent, Molecule, WetCell
from cells.services import materials, nodes
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    delete_if_unused,
    register_cell,
    unregistered_with_files,
)

TEXT = "70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC)"


@pytest.fixture
def molecules(db):
    return [
        define_molecule(name, "", role)
        for name, role in [
            ("EC", "solvent"),
            ("DMC", "solvent"),
            ("LiPF6", "salt"),
            ("VC", "additive"),
        ]
    ]


def test_the_same_electrolyte_is_defined_once_in_whatever_order_or_case(molecules):
    first = define_electrolyte(TEXT)
    second = define_electrolyte("ADDITIVES:(2.0%vc) + 1.20mlipf6 + 30%ec + 70%dmc")

    assert first == second
    assert first.name == TEXT
    assert Electrolyte.objects.count() == 1


def test_one_who_comes_second_in_a_race_gets_the_one_of_the_first(molecules, monkeypatch):
    def create_first_then_lose(recipes, known, by):
        create(recipes, known, by)
        raise IntegrityError("twin")

    create = materials.create_electrolytes
    monkeypatch.setattr(materials, "create_electrolytes", create_first_then_lose)

    electrolyte = define_electrolyte(TEXT)

    assert electrolyte.name == TEXT
    assert electrolyte.components.count() == 4


def test_an_unknown_molecule_is_refused_with_the_nearest_known(molecules):
    with pytest.raises(LabError, match=r"LiPF66.*Did you mean LiPF6"):
        define_electrolyte("EC + 1mLiPF66")


def test_solvents_that_do_not_sum_to_100_are_refused_and_nothing_is_kept(molecules):
    with pytest.raises(LabError, match="sum to 105"):
        define_electrolyte("70%DMC+35%EC")

    assert not Electrolyte.objects.exists()


def test_a_renamed_molecule_renames_its_electrolytes_and_keeps_them_unique(molecules):
    electrolyte = define_electrolyte(TEXT)
    molecule = Molecule.objects.get(name="EC")
    molecule.short_name = "E-C"

    nodes.save_node(molecule)

    electrolyte.refresh_from_db()
    assert "30%E-C" in electrolyte.name
    assert define_electrolyte(electrolyte.name) == electrolyte


def test_an_electrolyte_is_corrected_in_place_but_not_into_a_twin(molecules):
    first, second = define_electrolyte(TEXT), define_electrolyte("EC + 1mLiPF6")

    materials.edit_electrolyte(second, "EC + 1MLiPF6")

    assert second.name == "EC + 1MLiPF6"
    with pytest.raises(NotAllowed, match=f"electrolyte {first.pk}"):
        materials.edit_electrolyte(second, TEXT)


def test_the_longest_notes_are_kept_in_a_unique_name(molecules):
    first = define_electrolyte("EC", notes="é" * 999)
    second = define_electrolyte("EC", notes="é" * 998 + "e")

    assert first != second
    assert first.name == f"EC ({'é' * 999})"


def test_who_defined_an_electrolyte_is_on_record(molecules, people):
    electrolyte = define_electrolyte(TEXT, by=people["member"])

    assert electrolyte.history.get().history_user == people["member"]
    part = ElectrolyteComponent.objects.first()
    assert part.history.get().history_user == people["member"]


def test_similar_electrolytes_are_those_that_share_most(molecules):
    near, far = define_electrolyte(TEXT), define_electrolyte("EC")
    nearest = define_electrolyte("69%DMC+31%EC + 1.2mLiPF6")
    recipe = materials.as_recipe("70%DMC+30%EC + 1.2mLiPF6")

    assert materials.similar_electrolytes(recipe) == [nearest, near, far]


@pytest.mark.django_db(transaction=True)
def test_eight_people_who_define_the_same_electrolyte_at_once_make_one():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite takes one writer at a time, and in memory not even two connections")
    for name, role in [
        ("EC", "solvent"),
        ("DMC", "solvent"),
        ("LiPF6", "salt"),
        ("VC", "additive"),
    ]:
        define_molecule(name, "", role)
    start = threading.Barrier(8)

    def define(_):
        try:
            start.wait(10)
            return [define_electrolyte(f"EC + {i}mLiPF6").pk for i in range(1, 26)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as people:
        made = list(people.map(define, range(8)))

    assert all(keys == made[0] for keys in made)
    assert Electrolyte.objects.count() == 25
    assert ElectrolyteComponent.objects.count() == 50


@pytest.mark.django_db(transaction=True)
def test_two_clients_that_register_the_same_electrolyte_200_times_leave_exactly_one(client_as):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory serves one connection")
    for name, role in [("EC", "solvent"), ("LiPF6", "salt")]:
        define_molecule(name, "", role)
    clients = [client_as("member"), client_as("curator")]

    def register(client):
        try:
            return [
                client.post(
                    "/api/v1/electrolytes/", {"text": "EC + 1mLiPF6"}, "application/json"
                ).status_code
                for _ in range(200)
            ]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as two:
        answers = list(two.map(register, clients))

    assert answers == [[201] * 200] * 2
    assert Electrolyte.objects.get().components.count() == 2


@pytest.mark.django_db(transaction=True)
def test_people_who_describe_the_same_electrode_at_once_make_one():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory serves one connection")

    def define(_):
        try:
            rows = [Electrode(polarity="anode", notes=f"Li {i}", shown=["notes"]) for i in range(9)]
            return [nodes.define_node(row)[0].pk for row in rows]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as people:
        made = list(people.map(define, range(4)))

    assert all(keys == made[0] for keys in made)
    assert Electrode.objects.count() == 9


def test_registering_the_same_cell_again_changes_nothing(molecules):
    electrolyte = define_electrolyte(TEXT)
    dry = define_dry_cell(name="Pouch A", cathode="NMC622")

    first = register_cell(10001, electrolyte, dry, "first of the batch")
    again = register_cell(10001, electrolyte, dry, "first  of the batch")

    assert first == again
    assert first.history.count() == 1


def test_a_cell_id_that_is_taken_is_refused(molecules):
    register_cell(10001, define_electrolyte(TEXT))

    with pytest.raises(NotAllowed, match="registered already"):
        register_cell(10001)


@pytest.mark.parametrize("cell_id", [0, -1, 2**31])
def test_a_number_that_is_no_cell_id_is_refused(db, cell_id):
    with pytest.raises(LabError, match="no Cell ID"):
        register_cell(cell_id)


def test_a_dry_cell_is_defined_once_and_not_silently_changed(db):
    first = define_dry_cell(name="Pouch A", cathode="NMC622")

    assert define_dry_cell(name="Pouch A", cathode="NMC622") == first
    with pytest.raises(NotAllowed, match="cathode"):
        define_dry_cell(name="Pouch A", cathode="LFP")


def test_what_is_in_use_is_not_deleted_and_says_by_what(molecules):
    electrolyte = define_electrolyte(TEXT)
    dry = define_dry_cell(name="Pouch A")
    for cell_id in range(10001, 10013):
        register_cell(cell_id, electrolyte, dry)

    for row in (electrolyte, dry):
        with pytest.raises(NotAllowed, match=r"Cell 10001, .* and 2 more"):
            delete_if_unused(row)
    with pytest.raises(NotAllowed, match="VC is in use by electrolyte 70%DMC"):
        delete_if_unused(molecules[3])
    assert WetCell.objects.count() == 12


def test_a_file_without_a_cell_is_found_by_its_number(db):
    assert unregistered_with_files([10001]) == []
