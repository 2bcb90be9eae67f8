"""Several electrodes at once, in a browser: rows added, previewed, corrected, saved."""

import os
from pathlib import Path

import pytest

from cells.models import ActiveMaterial, Electrode
from cells.services.nodes import save_node

pytestmark = pytest.mark.django_db(transaction=True)


def fill_row(page, number, **values):
    for name, value in values.items():
        field = page.locator(f"[name=rows-{number}-{name}]")
        if name == "polarity":
            field.select_option(value)
        else:
            field.fill(value)


def test_electrodes_are_defined_in_a_table(page, sign_in, tmp_path):
    pictures = Path(os.environ.get("BATTERY_DB_SCREENSHOTS", tmp_path))
    material = save_node(ActiveMaterial(material_type="NMC", shown=["material_type"])).name
    sign_in("member")
    page.goto("/materials/electrodes/")
    page.get_by_role("link", name="Several at once").click()
    page.get_by_label("loading", exact=True).check()
    fill_row(page, 0, polarity="cathode", material=material, loading_mg_cm2="21")
    page.click("[data-add-row]")
    fill_row(page, 3, polarity="cathode", material=material, loading_mg_cm2="-1")

    page.get_by_role("button", name="Preview").click()
    page.wait_for_selector("text=Give a number above 0")
    page.screenshot(path=pictures / "several-1.png", full_page=True)
    fill_row(page, 3, loading_mg_cm2="15")
    page.get_by_role("button", name="Preview").click()
    page.wait_for_selector("text=2 will be created")
    page.screenshot(path=pictures / "several-2.png", full_page=True)
    assert not Electrode.objects.exists()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/materials/electrodes/")

    assert sorted(row.loading_mg_cm2 for row in Electrode.objects.all()) == [15, 21]
