"""The demo lab, small: what lies in the folder and what is in the registry."""

import datetime as dt
import hashlib
import io
import json
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from battery_db.demo import writing
from battery_db.demo.lab import ACCOUNTS, CELLS, DESIGNS, cast
from battery_db.demo.materials import BOXES, DRY_CELLS
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.tasks import NIGHT
from cells import filenames
from cells.models import Dataset, DryCell, DryCellLot, ElectrolyteLot, Folder, WetCell
from cells.services.nodes import save_node
from cells.services.registry import edit_cell

CELL_NUMBER, CYCLE_NUMBER = 5, 12


def write_lab(root: Path, seed: int = 7) -> list[writing.Written]:
    return [
        file
        for cell in cast(CELL_NUMBER)
        for file in writing.write_cell(cell, root, CYCLE_NUMBER, seed)
    ]


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("lab")
    write_lab(root)
    return root


def create(root: Path, **options) -> dict:
    output = io.StringIO()
    arguments = {"cells": 4, "cycles": 6, "no_night": True, "json": True, **options}
    call_command("create_demo_lab", to=root, stdout=output, **arguments)
    return json.loads(output.getvalue())


def test_the_cast_has_24_cells_of_4_designs_and_two_nobody_registered():
    registered = [cell for cell in CELLS if cell.registered]

    assert len(registered) == 24
    assert {cell.design for cell in registered} == set(DESIGNS)
    assert len(DESIGNS) == 4
    assert len(CELLS) - len(registered) == 2
    assert {cell.design for cell in cast(4) if cell.registered} == set(DESIGNS)


def test_every_name_but_one_is_understood(lab):
    names = {path.name: filenames.parse(path.name, str(path.parent)) for path in lab.rglob("*.*")}

    not_understood = [name for name, parsed in names.items() if not parsed.is_valid]

    assert not_understood == [writing.BAD_NAME]


def test_the_same_seed_writes_the_same_bytes(lab, tmp_path):
    write_lab(tmp_path)

    assert digests(tmp_path) == digests(lab)


def test_another_seed_writes_other_measurements_into_the_same_places(lab, tmp_path):
    write_lab(tmp_path, seed=8)

    ours, theirs = digests(lab), digests(tmp_path)
    assert len(ours) == len(theirs)
    assert not set(ours.values()) & set(theirs.values())


def test_one_file_lies_there_twice(lab):
    found = list(digests(lab).values())

    assert len(found) - len(set(found)) == 1


def test_files_are_old_enough_to_be_settled(lab):
    assert all(path.stat().st_mtime < 1_760_000_000 for path in lab.rglob("*.*"))


def test_creating_it_registers_cells_datasets_and_the_folder(db, tmp_path):
    result = create(tmp_path / "lab")

    assert result["created"]
    assert result["accounts"] == ACCOUNTS
    assert WetCell.objects.count() == 4
    assert not WetCell.objects.filter(cell_id__in=[10025, 10026]).exists()
    assert all(cell.electrolyte and cell.dry_cell for cell in WetCell.objects.all())
    assert Dataset.objects.filter(name="Additives at 40 °C").exists()
    assert Folder.objects.get().path == str(tmp_path / "lab")
    assert not (tmp_path / "lab.unfinished").exists()


def test_creating_it_twice_is_as_creating_it_once(db, tmp_path):
    create(tmp_path / "lab")
    before = digests(tmp_path / "lab")

    again = create(tmp_path / "lab")

    assert digests(tmp_path / "lab") == before
    assert again["accounts"] == ACCOUNTS
    assert get_user_model().objects.count() == len(ACCOUNTS)
    assert WetCell.objects.count() == 4
    assert Folder.objects.count() == 1
    assert all(dataset.history.count() == 1 for dataset in Dataset.objects.all())


def test_a_run_that_was_killed_is_taken_up_again(db, tmp_path, monkeypatch):
    def die(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_cell", die)
        with pytest.raises(KeyboardInterrupt):
            create(tmp_path / "lab")
    (tmp_path / "lab" / ".writing-abc").write_bytes(b"half a file")

    result = create(tmp_path / "lab", if_empty=True)

    assert result["created"]
    assert not list((tmp_path / "lab").glob(".writing-*"))
    assert Folder.objects.count() == 1


def test_an_installation_in_use_is_left_alone(db, tmp_path):
    get_user_model().objects.create_user("somebody")

    result = create(tmp_path / "lab", if_empty=True)

    assert not result["created"]
    assert not (tmp_path / "lab").exists()


def test_the_passwords_open_the_accounts(db, tmp_path):
    create(tmp_path / "lab")

    for name, password in ACCOUNTS.items():
        user = get_user_model().objects.get(username=name)
        assert user.check_password(password)
        assert len(password) >= 12
        assert [group.name for group in user.groups.all()] == [name]


def test_a_night_that_died_with_its_worker_is_taken_up_again(db, tmp_path):
    """The row of a killed run says running; its lease has run out."""
    dead = engine.enqueue(NIGHT, trigger=Job.Trigger.COMMAND, key=NIGHT)
    long_ago = timezone.now() - dt.timedelta(hours=1)
    Job.objects.filter(pk=dead.pk).update(state=Job.State.RUNNING, lease_until=long_ago)

    result = create(tmp_path / "lab", cells=1, cycles=3, no_night=False)

    dead.refresh_from_db()
    assert dead.state == Job.State.SUCCEEDED
    assert result["night"] == str(dead.pk)


def test_cells_are_filled_from_boxes_of_dry_cells_described_to_the_powder(db, tmp_path):
    create(tmp_path / "lab")

    cell = WetCell.objects.get(cell_id=10022)
    assert cell.dry_cell_lot.box_id == "B-0163"
    assert cell.dry_cell == cell.dry_cell_lot.blueprint
    assert cell.dry_cell.name == "LCO/graphite pouch"
    (active,) = cell.dry_cell.cathode.actives.all()
    assert active.material.coating.name == "Al2O3"
    assert {part.symbol: part.amount for part in active.material.atoms.all()} == {
        "Li": 1,
        "Co": 1,
        "O": 2,
    }
    assert cell.dry_cell.geometry.width_mm == 20
    assert cell.dry_cell.separator.thickness_um == 16


def test_boxes_that_nobody_filled_hold_an_anode_free_and_an_undisclosed_cell(db, tmp_path):
    create(tmp_path / "lab")

    anode_free = DryCellLot.objects.get(box_id="B-0170").blueprint
    undisclosed = DryCellLot.objects.get(box_id="B-0171").blueprint
    assert anode_free.anode.name == "(anode-free: bare copper foil)"
    assert not anode_free.anode.actives.exists()
    assert undisclosed.proprietary
    assert undisclosed.name == "Coin cell of a partner [PROPRIETARY]"
    assert not WetCell.objects.filter(dry_cell__in=[anode_free, undisclosed]).exists()


def test_two_cells_hold_the_same_lot_of_an_electrolyte(db, tmp_path):
    create(tmp_path / "lab", cells=9, cycles=2)

    lot = ElectrolyteLot.objects.get(label="E-117")
    assert set(lot.wet_cells.values_list("cell_id", flat=True)) <= {10003, 10004}
    assert lot.wet_cells.exists()


@pytest.mark.parametrize("described", DRY_CELLS.values(), ids=DRY_CELLS)
def test_electrodes_are_as_thick_as_their_loading_and_density_say(described):
    for electrode in (described.children["cathode"], described.children["anode"]):
        sizes = electrode.values
        if "loading_mg_cm2" in sizes:
            # mg/cm2 over g/cm3 is 10 um; the numbers have two to three digits.
            thickness = 10 * float(sizes["loading_mg_cm2"]) / float(sizes["density_g_cm3"])
            assert float(sizes["thickness_um"]) == pytest.approx(thickness, rel=0.015)


def test_what_people_have_corrected_since_stays_corrected(db, tmp_path):
    create(tmp_path / "lab")
    edit_cell(WetCell.objects.get(cell_id=10022), None, None, "Lost its label.")
    box = DryCellLot.objects.get(box_id="B-0163")
    box.blueprint.label = "Pouch, renamed"
    save_node(box.blueprint)

    create(tmp_path / "lab")

    assert WetCell.objects.get(cell_id=10022).notes == "Lost its label."
    assert DryCellLot.objects.get(pk=box.pk).blueprint.name == "Pouch, renamed"
    assert not DryCell.objects.filter(label="LCO/graphite pouch").exists()


def test_every_box_and_registered_cell_belong_together():
    boxed = {cell_id: box.design for box in BOXES for cell_id in box.cell_ids}

    assert boxed == {cell.cell_id: cell.design for cell in CELLS if cell.registered}
