"""From molecules to a dataset: define, register in bulk by pasting, search, collect.

Thesis Figures 5.29 and 5.30 (the grid), 5.8 and 5.9 (the search and its results). Each
step leaves a screenshot in ``var/screenshots``, or where BATTERY_DB_SCREENSHOTS says.
"""

import os
import re
from pathlib import Path

import pytest

from cells.models import Dataset, DryCellLot, Electrolyte, WetCell

pytestmark = pytest.mark.django_db(transaction=True)

PICTURES = Path(os.environ.get("BATTERY_DB_SCREENSHOTS", "var/screenshots"))
SOLVENTS, SALTS, ADDITIVES = "CDEF", ("Pepper", "Salt"), "ABGH"
COLUMNS = ("D", "E", "C", "Pepper", "Salt", "A", "B", "G")
# What a person pastes from a sheet: amounts below the columns, one line for each cell.
PASTED = [
    ("85", "", "15", "0.5", "", "2", "1", ""),
    ("100", "", "", "0.3", "", "2", "1", ""),
    ("50", "50", "", "", "0.1", "2", "1", "1"),
    ("50", "50", "", "", "0.1", "2", "1", ""),
    ("50", "50", "", "", "0.1", "2.3", "1", ""),
    ("50", "50", "", "", "0.1", "", "1", ""),
    ("50", "50", "", "", "0.2", "1.95", "1", ""),
    ("70", "30", "", "", "1", "", "", ""),
    ("70", "30", "", "", "1", "?", "1", ""),
]
FOUND = [
    "85%D+15%C + 0.5mPepper + ADDITIVES:(2%A+1%B)",
    "D + 0.3mPepper + ADDITIVES:(2%A+1%B)",
    "50%D+50%E + 0.1mSalt + ADDITIVES:(2%A+1%B+1%G)",
    "50%D+50%E + 0.1mSalt + ADDITIVES:(2%A+1%B)",
    "50%D+50%E + 0.2mSalt + ADDITIVES:(1.95%A+1%B)",
]
NOT_FOUND = ["50%D+50%E + 0.1mSalt + ADDITIVES:(2.3%A+1%B)", "70%D+30%E + 1mSalt"]


@pytest.fixture
def shot(page):
    PICTURES.mkdir(parents=True, exist_ok=True)

    def take(name):
        page.screenshot(path=PICTURES / f"from-molecules-{name}.png", full_page=True)

    return take


def test_from_molecules_to_a_dataset(sign_in, shot):
    page = sign_in("member")
    define_molecules(page)
    define_a_box(page)
    shot("1-box")
    register(page, shot)
    search_electrolytes(page, shot)
    add_two_cells_to_a_dataset(page, shot)


def define_molecules(page):
    roles = dict.fromkeys(SOLVENTS, "solvent") | dict.fromkeys(SALTS, "salt")
    for name in (*ADDITIVES, *SOLVENTS, *SALTS):
        page.goto("/materials/molecules/new/")
        page.locator("input[name=short_name]").fill(name)
        page.locator("select[name=default_role]").select_option(roles.get(name, "additive"))
        page.get_by_role("button", name="Save").click()
        page.wait_for_url(re.compile(r"/materials/molecules/\d+/$"))


def define_a_box(page):
    page.goto("/materials/dry-cells/new/")
    page.locator("input[name=label]").fill("Pouch")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/materials/dry-cells/\d+/$"))
    page.goto(f"{page.url}lots/new/")
    page.locator("input[name=box_id]").fill("50000")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("main").get_by_text("50000").first.wait_for()


def register(page, shot):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/cells/register/")
    page.locator("#first").fill("40322")
    page.locator("#last").fill("40330")
    page.locator("#box").fill("50000")
    rows = page.locator("[data-molecule-rows] .part-row")
    while rows.count() < len(COLUMNS):
        page.get_by_role("button", name="Add a molecule").click()
    for place, name in enumerate(COLUMNS):
        rows.nth(place).locator("[data-name]").fill(name)
    page.get_by_role("button", name="Change defaults").click()
    page.get_by_text("9 cells in the grid").wait_for()
    table = "\n".join("\t".join(line) for line in PASTED)
    page.evaluate("text => navigator.clipboard.writeText(text)", table)
    page.locator("#grid .tabulator-row").first.locator("[tabulator-field=m0]").click()
    page.keyboard.press("Control+V")
    shot("2-grid")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("9 cells will be written").wait_for()
    shot("3-preview")
    page.get_by_role("button", name="Register", exact=True).click()
    page.wait_for_url("**/cells/")
    cells = WetCell.objects.order_by("cell_id")
    assert list(cells.values_list("cell_id", flat=True)) == list(range(40322, 40331))
    assert {cell.dry_cell_lot for cell in cells} == {DryCellLot.objects.get(box_id="50000")}
    assert cells[0].electrolyte.name == FOUND[0]
    assert Electrolyte.objects.count() == 9


def search_electrolytes(page, shot):
    """Figure 5.8: 2 of A and 1 of B, mandatory, with the usual 5 % of each amount."""
    page.goto("/cells/search/")
    page.locator("select[name=find]").select_option("electrolytes")
    for place, (name, amount) in enumerate([("A", "2"), ("B", "1")]):
        if page.locator("input[name=molecule]").count() <= place:
            page.get_by_role("button", name="Add a molecule").click()
        page.locator("input[name=molecule]").nth(place).fill(name)
        page.locator("input[name=amount]").nth(place).fill(amount)
    shot("4-search")
    page.get_by_role("button", name="Search").first.click()
    results = page.get_by_role("region", name="Results")
    results.get_by_text(FOUND[0], exact=True).wait_for()
    shot("5-results")
    for name in FOUND:
        assert results.get_by_text(name, exact=True).count() == 1, name
    for name in NOT_FOUND:
        assert results.get_by_text(name, exact=True).count() == 0, name


def add_two_cells_to_a_dataset(page, shot):
    page.locator("select[name=find]").select_option("cells")
    page.get_by_role("button", name="Search").first.click()
    for cell_id in (40322, 40323):
        page.get_by_label(f"Choose cell {cell_id}").check()
    page.get_by_label("Name of a new dataset").fill("Testing")
    page.get_by_role("button", name="Add ticked cells").click()
    page.wait_for_url("**/datasets/testing/")
    shot("6-dataset")
    cells = Dataset.objects.get(name="Testing").cells
    assert sorted(cells.values_list("cell_id", flat=True)) == [40322, 40323]
