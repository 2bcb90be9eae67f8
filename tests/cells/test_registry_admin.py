import pytest

from cells.services.datasets import add_cells, create_dataset
from cells.services.registry import define_electrolyte, define_molecule, register_cell


@pytest.mark.parametrize("model", ["molecule", "electrolyte", "drycell", "wetcell", "dataset"])
def test_an_administrator_may_look_behind_the_pages(client_as, people, model):
    define_molecule("EC", "", "solvent")
    register_cell(1, define_electrolyte("EC"))
    add_cells(create_dataset("A"), [1])
    people["admin"].is_staff = people["admin"].is_superuser = True
    people["admin"].save()

    page = client_as("admin").get(f"/admin/cells/{model}/", follow=True)

    assert page.status_code == 200
