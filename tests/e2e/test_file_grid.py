"""Correcting many files in the grid, in a browser: paste, fill down, errors, ticks."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from battery_db.lib.runs import engine
from cells.models import FileMetadata, Folder, RawFile
from cells.services import bulk_files
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PASTE = """(text) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.getElementById("grid").dispatchEvent(paste);
}"""
CELL = ".tabulator-row:nth-child({}) .tabulator-cell[tabulator-field={}]"
NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
def files(db, tmp_path):
    folder = Folder.objects.create(name="cyclers", path=str(tmp_path))
    made = []
    for number in range(6):
        name = f"Sb_CYC_1000{number}_NW_41V_30C_1C1C_170201.txt"
        file = RawFile.objects.create(
            folder=folder, path=name, name=name, size=9, modified_at=NOW, mtime_ns=0,
            sha256=f"{number:064d}", state="stable", changed_at=NOW,
        )  # fmt: skip
        FileMetadata.objects.create(
            file=file, experiment="cycling", cycler="neware", cell_id=10000 + number,
            upper_cutoff_voltage=4.1, temperature_celsius=30, operator="Sb", date=NOW,
            drive_profile="1C1C", problems=["No start cycle."],
        )  # fmt: skip
        made.append(file)
    return made


def test_six_files_are_corrected_by_paste_and_fill_down(page, sign_in, files, tmp_path):
    pictures = Path(os.environ.get("BATTERY_DB_SCREENSHOTS", tmp_path))
    sign_in("curator")
    page.goto("/files/?q=CYC")
    page.click("text=Edit in a grid")
    page.wait_for_selector(".tabulator-row")
    order = [
        int(row)
        for row in page.locator("[tabulator-field=cell_id].tabulator-cell").all_inner_texts()
    ]

    page.locator(CELL.format(1, "start_cycle")).click()
    page.evaluate(PASTE, "5\t4.2\nmany\t4.3")
    page.locator(CELL.format(3, "temperature_celsius")).dblclick()
    page.keyboard.press("Control+A")
    page.keyboard.type("-10")
    page.keyboard.press("Enter")
    page.locator(CELL.format(3, "temperature_celsius")).drag_to(
        page.locator(CELL.format(6, "temperature_celsius"))
    )
    page.click("[data-do=fill]")
    page.click("[data-do=save]")
    page.wait_for_selector(".grid-wrong")
    page.screenshot(path=pictures / "file-grid-1440.png", full_page=True)
    assert "whole number" in page.inner_text("[data-errors]")
    assert not FileMetadata.objects.exclude(manual_fields=[]).exists()

    page.locator(CELL.format(2, "start_cycle")).dblclick()
    page.keyboard.press("Control+A")
    page.keyboard.type("6")
    page.keyboard.press("Enter")
    page.click("[data-do=save]")
    wait_until(page, "() => document.querySelector('[data-note]').textContent === '6 files saved.'")
    page.locator(CELL.format(1, "chosen")).click()
    page.fill("[data-reason]", "wrong channel")
    page.click("[data-do=deprecate]")
    wait_until(
        page, "() => document.querySelector('[data-note]').textContent === '1 file deprecated.'"
    )
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=pictures / "file-grid-390.png", full_page=True)

    found = {int(row.file.name[7:12]): row for row in FileMetadata.objects.select_related("file")}
    rows = [found[number] for number in order]
    assert [row.start_cycle for row in rows] == [5, 6, None, None, None, None]
    assert [row.upper_cutoff_voltage for row in rows] == [4.2, 4.3, 4.1, 4.1, 4.1, 4.1]
    assert [row.temperature_celsius for row in rows] == [30, 30, -10, -10, -10, -10]
    assert [row.file.deprecated for row in rows] == [True] + [False] * 5
    assert rows[0].is_valid


def test_many_are_saved_by_a_job_and_what_others_changed_is_shown(
    page, sign_in, files, monkeypatch
):
    monkeypatch.setattr(bulk_files, "MOST_AT_ONCE", 1)
    sign_in("curator")
    page.goto("/files/grid/")
    page.wait_for_selector(".tabulator-row")
    page.locator(CELL.format(1, "start_cycle")).click()
    page.evaluate(PASTE, "5\n6")
    page.click("[data-do=save]")
    wait_until(page, "() => document.querySelector('[data-note] a') !== null")
    engine.drain()
    wait_until(page, "() => document.querySelector('[data-note]').textContent === '2 files saved.'")
    assert sorted(
        FileMetadata.objects.exclude(start_cycle=None).values_list("start_cycle", flat=True)
    ) == [5, 6]

    first = FileMetadata.objects.get(start_cycle=5)
    bulk_files.correct_many([{"id": first.file_id, "cell_id": 777}])
    page.locator(CELL.format(1, "start_cycle")).click()
    page.evaluate(PASTE, "8")
    page.click("[data-do=save]")
    page.wait_for_selector("[data-errors] li")
    assert "was changed by" in page.inner_text("[data-errors]")
    assert page.inner_text(CELL.format(1, "cell_id")) == "777"
    assert page.inner_text(CELL.format(1, "start_cycle")) == "8"
    page.click("[data-do=save]")
    wait_until(page, "() => document.querySelector('[data-note]').textContent === '1 file saved.'")
    assert FileMetadata.objects.get(cell_id=777).start_cycle == 8
