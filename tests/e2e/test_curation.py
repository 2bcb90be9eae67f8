"""From a file in a watched folder to the CSV of a dataset, and what leaving cycles out changes."""

import os
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from battery_db.lib.runs import engine
from cells.models import Dataset, DatasetCell, Folder, WetCell
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "Sb_CYC_10001_NW_c0_42V_40C_1C1C_250116.txt"


@pytest.fixture
def watched(tmp_path) -> Path:
    path = tmp_path / "cyclers"
    path.mkdir()
    Folder.objects.create(name="Rack 1", path=str(path), time_zone="UTC")
    dataset = Dataset.objects.create(name="Additives", slug="additives")
    cell = WetCell.objects.create(cell_id=10001)
    DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name="control")
    return path


def drop(path: Path, cycles: int) -> None:
    """As a cycler leaves it: long since settled."""
    file = path / NAME
    file.write_bytes(cccv_cycles(cycles).write_csv().encode())
    os.utime(file, (1.6e9, 1.6e9))


def work_off(tab) -> None:
    """Do the jobs here, while no page asks the same database how they get on."""
    tab.wait_for_url("**/jobs/**")
    tab.goto("about:blank")
    engine.drain()


def run_night(tab) -> None:
    tab.goto("/")
    tab.get_by_role("button", name="Run now").click()
    work_off(tab)


def exported(tab) -> pd.DataFrame:
    tab.goto("/datasets/additives/")
    tab.get_by_role("button", name="Export", exact=True).click()
    work_off(tab)
    tab.goto("/datasets/additives/")
    with tab.expect_download() as download:
        tab.locator("a[href^='/cycling/exports/']").first.click()
    archive = zipfile.ZipFile(download.value.path())
    (name,) = archive.namelist()
    assert name == "Additives/control (CELL ID 10001)/all cycles.csv"
    return pd.read_csv(archive.open(name))


def test_a_dropped_file_ends_as_rows_of_a_dataset_and_a_box_takes_some_out(watched, sign_in):
    drop(watched, 12)
    tab = sign_in("curator")
    run_night(tab)
    assert exported(tab)["Cycle Number"].tolist() == list(range(1, 13))

    leave_out_by_box(tab, "oven failed")

    kept = exported(tab)["Cycle Number"].tolist()
    gone = sorted(set(range(1, 13)) - set(kept))
    assert 3 <= len(gone) <= 9
    assert gone == list(range(gone[0], gone[-1] + 1))
    tab.goto("/cycling/cells/10001/fix/")
    tab.get_by_role("button", name="Undo").click()
    tab.get_by_text("Undone:").wait_for()
    assert exported(tab)["Cycle Number"].tolist() == list(range(1, 13))


def leave_out_by_box(tab, reason: str) -> None:
    """Draw a box over the middle of the zoomed plot; both polarities, so whole cycles go."""
    tab.goto("/cycling/cells/10001/fix/?polarity=")
    plot = tab.locator("#fix-zoom")
    for drawn in ("#fix-overview", "#fix-zoom"):
        tab.locator(f"{drawn}[data-plot-state=drawn]").wait_for()
    plot.evaluate("box => box.scrollIntoView({block: 'center', behavior: 'instant'})")
    box = plot.locator(".nsewdrag").first.bounding_box()
    left, right = (box["x"] + box["width"] * share for share in (0.3, 0.7))
    tab.mouse.move(left, box["y"] + 2)
    tab.mouse.down()
    tab.mouse.move((left + right) / 2, box["y"] + box["height"] / 2, steps=5)
    tab.mouse.move(right, box["y"] + box["height"] - 2, steps=5)
    tab.mouse.up()
    tab.get_by_text(re.compile(r"\d+ half-cycles are chosen")).wait_for()
    assert tab.locator("#first-cycle").input_value()
    tab.get_by_label("Reason").fill(reason)
    tab.get_by_role("button", name="Leave out").click()
    tab.get_by_text("are left out.").wait_for()
