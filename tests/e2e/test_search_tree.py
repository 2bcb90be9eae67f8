"""The search of thesis Figures 5.8, 5.9 and 5.16 in a browser: ask, look, add to a dataset."""

import pytest

from cells.models import Dataset
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    register_cell,
)


@pytest.fixture
def lab(db, people):
    roles = {"D": "solvent", "E": "solvent", "Salt": "salt"}
    for name in ("A", "B", "C", "D", "E", "Salt"):
        define_molecule(name, "", roles.get(name, "additive"))
    both = define_electrolyte("85%D+15%E + 0.5mSalt + ADDITIVES:(2%A+1%B)")
    more = define_electrolyte("50%D+50%E + 0.1mSalt + ADDITIVES:(2%A+1%B+1%C)")
    other = define_electrolyte("50%D+50%E + 0.1mSalt + ADDITIVES:(4%A)")
    box = define_dry_cell(name="Pouch", cathode="LMO")
    for cell_id, filling in ((10001, both), (10101, more), (10201, other)):
        register_cell(cell_id, filling, box)


@pytest.mark.django_db(transaction=True)
def test_cells_with_two_additives_are_found_and_added_to_a_dataset(lab, sign_in, tmp_path):
    page = sign_in("member")
    page.goto("/cells/search/")
    page.get_by_label("Molecule or lot").first.fill("A")
    page.wait_for_selector("#molecule-names option[value=A]", state="attached")
    page.get_by_label("Amount").first.fill("2")
    page.get_by_role("button", name="Add a molecule").click()
    page.get_by_label("Molecule or lot").nth(1).fill("B")
    page.get_by_label("Amount").nth(1).fill("1")

    page.get_by_label("Find").select_option("electrolytes")
    page.get_by_role("button", name="Search").first.click()
    page.get_by_role("heading", name="Electrolytes: 2").wait_for()
    assert "with A, 1.9 to 2.1 · with B, 0.95 to 1.05" in page.locator("#results").inner_text()
    assert "molecule=A&molecule=B&amount=2&amount=1" in page.url
    assert "need=" not in page.url

    page.get_by_label("Find").select_option("cells")
    page.get_by_role("button", name="Search").first.click()
    page.get_by_role("heading", name="Wet cells: 2").wait_for()
    page.get_by_label("Tick all on this page").check()
    page.get_by_label("Name of a new dataset").fill("Testing")
    page.screenshot(path=tmp_path / "search.png", full_page=True)
    page.get_by_role("button", name="Add ticked cells").click()
    page.get_by_role("heading", name="Testing").wait_for()

    cells = Dataset.objects.get(name="Testing").cells.order_by("cell_id")
    assert list(cells.values_list("cell_id", flat=True)) == [10001, 10101]

    page.go_back()
    page.get_by_role("heading", name="Wet cells: 2").wait_for()
    assert page.get_by_label("Molecule or lot").nth(1).input_value() == "B"
