"""Enter the demo lab into the registry, as its people would have done by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from battery_db.accounts.roles import ensure_roles
from battery_db.demo.lab import (
    ACCOUNTS,
    DATASETS,
    FOLDER_NAME,
    MOLECULES,
    TIME_ZONE,
    DemoCell,
    DemoDataset,
)
from battery_db.demo.materials import BOXES, DRY_CELLS, FILLED_FROM_MIXED, MIXED
from battery_db.lib.runs.models import Job
from cells.models import Dataset, DryCell, DryCellLot, Electrolyte, Folder, WetCell
from cells.services import datasets, interchange, registry
from cells.services.registry import Body, Filling
from ftir.services import calibrations


def is_empty() -> bool:
    """Nobody has an account and nothing is watched."""
    return not get_user_model().objects.exists() and not Folder.objects.exists()


def create_accounts() -> None:
    """One account per role, only where nobody has one yet."""
    ensure_roles()
    users = get_user_model()
    with transaction.atomic():
        if users.objects.exists():
            return
        for role, password in ACCOUNTS.items():
            boss = role == "admin"
            user = users.objects.create_user(
                role, f"{role}@demo.example", password, is_staff=boss, is_superuser=boss
            )
            user.groups.add(Group.objects.get(name=role))


def open_accounts() -> dict[str, str]:
    """The demo accounts that still have their documented password."""
    users = get_user_model().objects.in_bulk(list(ACCOUNTS), field_name="username")
    return {
        name: password
        for name, password in ACCOUNTS.items()
        if name in users and users[name].check_password(password)
    }


def register_lab(cells: Sequence[DemoCell]) -> dict[str, int]:
    """Molecules, electrolytes, dry cells, boxes, cells and datasets: all of them or none.

    Repeating it changes nothing.
    """
    by = get_user_model().objects.filter(username="member").first()
    registered = [cell for cell in cells if cell.registered]
    with transaction.atomic():
        for name, (smiles, role) in MOLECULES.items():
            registry.define_molecule(name, smiles, role, by=by)
        bodies = _define_boxes(by)
        electrolytes = {
            text: registry.define_electrolyte(text, by=by)
            for text in dict.fromkeys(cell.electrolyte for cell in registered)
        }
        _register_cells(registered, electrolytes, bodies, by)
        present = {cell.cell_id for cell in registered}
        made = sum(_make_dataset(plan, present, by) for plan in DATASETS)
    return {"cells": len(registered), "electrolytes": len(electrolytes), "datasets": made}


def watch_folder(path: Path) -> Folder:
    folder, _ = Folder.objects.get_or_create(
        path=str(path), defaults={"name": _free_folder_name(), "time_zone": TIME_ZONE}
    )
    return folder


def _define_boxes(by: Any) -> dict[int, Body]:
    """What each cell is built from, by Cell ID. A box or dry cell that is there stays as it is."""
    bodies: dict[int, Body] = {}
    for box in BOXES:
        described = DRY_CELLS[box.design]
        body = DryCellLot.objects.filter(box_id__iexact=box.lot.label).first()
        if body is None:
            dry_cell = DryCell.objects.filter(label__iexact=described.head).first()
            blueprint = dry_cell or interchange.define_described(described, by)
            body = interchange.define_lot(blueprint, box.lot, by)
        bodies |= dict.fromkeys(box.cell_ids, body)
    return bodies


def _register_cells(
    cells: Sequence[DemoCell],
    electrolytes: Mapping[str, Electrolyte],
    bodies: Mapping[int, Body],
    by: Any,
) -> None:
    """Those that are not registered yet: what people have corrected since stays corrected."""
    wanted = [cell.cell_id for cell in cells]
    known = set(WetCell.objects.filter(cell_id__in=wanted).values_list("cell_id", flat=True))
    for cell in cells:
        if cell.cell_id in known:
            continue
        filling: Filling = electrolytes[cell.electrolyte]
        if cell.cell_id in FILLED_FROM_MIXED:
            filling = interchange.define_lot(filling, MIXED, by)
        registry.register_cell(cell.cell_id, filling, bodies[cell.cell_id], by=by)


def _make_dataset(plan: DemoDataset, present: set[int], by: Any) -> bool:
    names = {cell_id: name for cell_id, name in plan.names.items() if cell_id in present}
    if not names:
        return False
    dataset = Dataset.objects.filter(name=plan.name).first()
    if dataset is None:
        dataset = datasets.create_dataset(plan.name, by, plan.description)
    datasets.add_cells(dataset, list(names), by)
    given = dict(dataset.memberships.values_list("wet_cell__cell_id", "name"))
    for cell_id, name in names.items():
        if not given[cell_id]:
            datasets.rename_cell(dataset, cell_id, name, by)
    known = set(dataset.filters.values_list("name", flat=True))
    for name, ranges in plan.filters.items():
        if name not in known:
            datasets.save_filter(dataset, name, ranges, by=by)
    return True


def _free_folder_name() -> str:
    number = Folder.objects.filter(name__startswith=FOLDER_NAME).count()
    return f"{FOLDER_NAME} {number + 1}" if number else FOLDER_NAME


def request_calibration() -> Job | None:
    """The job that fits the demonstration calibration; None when it is fitted already."""
    calibration = calibrations.create_demonstration()
    if calibration.state == calibration.State.READY:
        return None
    return calibrations.request_fit(calibration, use=False, by=None, trigger=Job.Trigger.COMMAND)
