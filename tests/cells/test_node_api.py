"""REST resources of the other kinds of node, and of lots."""

import pytest
from django.urls import reverse

from cells.kinds import KINDS
from cells.models import ActiveMaterial, Coating, DryCell, DryCellLot, Electrode, InactiveMaterial
from cells.services.nodes import save_node

JSON = "application/json"


def post(client, name, data):
    return client.post(f"/api/v1/{name}/", data, content_type=JSON)


@pytest.fixture
def member(client_as):
    return client_as("member")


def test_an_electrode_is_described_from_its_powders_over_rest(member):
    post(member, "coatings", {"short_name": "Al2O3"})
    powder = post(
        member,
        "active-materials",
        {
            "material_type": "NMC",
            "coating": "Al2O3",
            "parts": [{"group": "atoms", "material": "Ni", "amount": "0.6"}],
        },
    ).json()
    post(member, "inactive-materials", {"short_name": "PVDF", "role": "binder"})
    electrode = post(
        member,
        "electrodes",
        {
            "polarity": "cathode",
            "loading_mg_cm2": "21.5",
            "parts": [
                {"group": "actives", "material": powder["name"], "amount": "100"},
                {"group": "inactives", "material": "PVDF", "amount": "4"},
            ],
        },
    )

    assert electrode.status_code == 201, electrode.content
    assert ActiveMaterial.objects.get().coating == Coating.objects.get()
    assert electrode.json()["parts"][0]["amount"] == "100"
    row = Electrode.objects.get()
    assert row.name == electrode.json()["name"]
    assert row.history.first().history_user.username == "member"


def test_a_change_keeps_what_it_does_not_name(member):
    row = save_node(InactiveMaterial(short_name="PVDF", role="binder", description="a"))

    answer = member.patch(
        f"/api/v1/inactive-materials/{row.pk}/", {"description": "b"}, content_type=JSON
    )

    row.refresh_from_db()
    assert answer.status_code == 200
    assert (row.short_name, row.role, row.description) == ("PVDF", "binder", "b")


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("active-materials", {"parts": [{"group": "atoms", "material": "Xx", "amount": "1"}]}, 400),
        ("active-materials", {"parts": [{"group": "x", "material": "Ni", "amount": "1"}]}, 400),
        ("active-materials", {"coating": "nothing"}, 400),
        ("cell-geometries", {"category": "coin", "width_mm": "-1"}, 400),
        ("cell-geometries", {"category": "coin", "shown": ["colour"]}, 400),
        ("coatings", {"short_name": "taken"}, 409),
    ],
)
def test_what_can_not_be_is_refused_with_what_to_do(member, name, data, status):
    save_node(Coating(short_name="Taken"))

    answer = post(member, name, data)

    assert answer.status_code == status
    assert answer.json()["error"]


def test_lots_are_made_and_kept_while_they_are_used(member, client_as):
    dry = save_node(DryCell(label="Pouch A"))

    made = post(member, "dry-cell-lots", {"box_id": "50000", "blueprint": dry.pk})
    again = post(member, "dry-cell-lots", {"box_id": "50000", "blueprint": dry.pk})

    assert made.status_code == 201
    assert DryCellLot.objects.get().name == "50000(Pouch A)"
    assert again.status_code in (400, 409)


@pytest.mark.parametrize("key", sorted(KINDS))
def test_every_kind_has_a_resource_in_a_constant_number_of_queries(
    member, django_assert_max_num_queries, key
):
    with django_assert_max_num_queries(12):
        assert member.get(f"/api/v1/{KINDS[key].slug}/").status_code == 200
    if KINDS[key].has_lots:
        assert member.get(f"/api/v1/{key}-lots/").status_code == 200
    assert reverse("cells:nodes", args=[key])


def test_what_a_name_shows_is_chosen_for_molecules_and_dry_cells(member):
    cathode = save_node(Electrode(polarity="cathode", notes="NMC", shown=["notes"]))
    data = {"short_name": "EC", "default_role": "solvent", "notes": "dried", "shown": ["notes"]}

    molecule = post(member, "molecules", data).json()
    usual = post(member, "dry-cells", {"label": "A", "cathode": cathode.pk}).json()
    bare = post(member, "dry-cells", {"label": "B", "cathode": cathode.pk, "shown": []}).json()
    wrong = post(member, "dry-cells", {"label": "C", "shown": ["colour"]})

    assert molecule["notes"] == "dried"
    assert "(dried)" in molecule["name"]
    assert usual["shown"] == ["anode", "cathode"]
    assert "CATH=" in usual["name"]
    assert (bare["name"], bare["shown"]) == ("B", [])
    assert wrong.status_code == 400


def test_a_cathode_is_not_taken_for_an_anode_over_rest(member):
    """Neither at the dry cell, nor by turning over an electrode that one is built with."""
    cathode = save_node(Electrode(polarity="cathode", notes="NMC", shown=["notes"]))

    wrong = post(member, "dry-cells", {"label": "A", "anode": cathode.pk})
    post(member, "dry-cells", {"label": "A", "cathode": cathode.pk})
    turned = member.patch(
        f"/api/v1/electrodes/{cathode.pk}/", {"polarity": "anode"}, content_type=JSON
    )

    assert wrong.status_code == turned.status_code == 400
    assert "is given as anode and defined as cathode" in wrong.json()["error"]
    assert "has this electrode as cathode" in turned.json()["error"]
    assert Electrode.objects.get().polarity == "cathode"
