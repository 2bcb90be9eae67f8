"""Registering cells in the grid, as in the thesis' Figures 5.29 and 5.30, in a browser."""

import os
from pathlib import Path

import pytest

from cells.models import DryCell, DryCellLot, Electrode, Molecule, WetCell
from cells.services.nodes import save_lot, save_node
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PASTE = """(text) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.getElementById("grid").dispatchEvent(paste);
}"""
CELL = ".tabulator-row:nth-child({}) .tabulator-cell[tabulator-field={}]"
# Name, default amount, role: A, E, H are solvents, C is a salt, D an additive used as a salt.
COLUMNS = [("A", "70", ""), ("E", "25", ""), ("H", "5", ""), ("C", "1.5", ""), ("D", "1", "salt")]


@pytest.fixture
def box(db):
    roles = {"A": "solvent", "E": "solvent", "H": "solvent", "C": "salt"}
    for name in "ABCDEFGH":
        save_node(Molecule(short_name=name, default_role=roles.get(name, "additive")))
    cathode = save_node(Electrode(polarity="cathode", notes="D5 E4 F", shown=["notes"]))
    anode = save_node(Electrode(polarity="anode", notes="Stone", shown=["notes"]))
    dry = save_node(DryCell(cathode=cathode, anode=anode, shown=["cathode", "anode"]))
    return save_lot(DryCellLot(box_id="50000", blueprint=dry))


def fill_in(page):
    page.goto("/cells/register/")
    page.fill("#first", "40322")
    page.fill("#last", "40330")
    page.fill("#box", "50000")
    page.click("#add-molecule")
    for number, (name, amount, role) in enumerate(COLUMNS):
        row = page.locator("[data-molecule-rows] .part-row").nth(number)
        row.locator("[data-name]").fill(name)
        row.locator("[data-amount]").fill(amount)
        row.locator("[data-role]").select_option(role)
    page.click("#change-defaults")
    page.wait_for_selector(".tabulator-row")


def test_nine_cells_are_registered_by_defaults_edits_and_a_pasted_block(
    page, sign_in, box, tmp_path
):
    pictures = Path(os.environ.get("BATTERY_DB_SCREENSHOTS", tmp_path))
    sign_in("member")
    fill_in(page)
    page.screenshot(path=pictures / "register-1.png", full_page=True)

    page.locator(CELL.format(2, "m3")).dblclick()
    page.keyboard.press("Control+A")
    page.keyboard.type("1.7")
    page.keyboard.press("Enter")
    page.locator(CELL.format(4, "m0")).click()
    page.evaluate(PASTE, "60\t35\n50\t45")
    # New defaults refill what nobody has touched, and only that.
    page.locator("[data-molecule-rows] .part-row").nth(3).locator("[data-amount]").fill("1.6")
    page.click("#change-defaults")
    wait_until(
        page, f"() => document.querySelector('{CELL.format(1, 'm3')}')?.textContent === '1.6'"
    )
    page.click("#grid-form button[type=submit]")
    page.wait_for_selector("#plan button[name=confirm]")
    assert not WetCell.objects.exists()
    page.screenshot(path=pictures / "register-2.png", full_page=True)
    page.click("#plan button[name=confirm]")
    page.wait_for_url("**/cells/")

    cells = {cell.cell_id: cell for cell in WetCell.objects.with_names()}
    assert sorted(cells) == list(range(40322, 40331))
    assert {cell.dry_cell_lot for cell in cells.values()} == {box}
    assert cells[40322].electrolyte.name == "70%A+25%E+5%H + 1.6mC+1mD"
    assert cells[40323].electrolyte.name == "70%A+25%E+5%H + 1.7mC+1mD"
    assert cells[40325].electrolyte.name == "60%A+35%E+5%H + 1.6mC+1mD"
    assert cells[40326].electrolyte.name == "50%A+45%E+5%H + 1.6mC+1mD"


def test_fifty_thousand_rows_in_the_grid_get_a_clear_message(page, sign_in, box):
    sign_in("member")
    page.goto("/cells/register/")

    page.fill("#first", "1")
    page.fill("#count", "50000")
    page.click("#change-defaults")
    asked = page.inner_text("#grid-note")
    page.evaluate(PASTE, "1\n" * 50_000)

    assert "These are 50,000 cells; at most 20,000" in asked
    assert "rows were pasted; at most 20,000" in page.inner_text("#grid-note")
    assert page.locator(".tabulator-row").count() == 0
