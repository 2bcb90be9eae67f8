"""Pages of every kind of node: lists, one node, define and edit, lots."""

from decimal import Decimal

import pytest
from django.urls import reverse

from cells.kinds import KINDS
from cells.models import (
    BLUEPRINTS,
    ActiveMaterial,
    ActiveMaterialAtom,
    CellGeometry,
    Coating,
    DryCell,
    DryCellLot,
    Electrode,
    ElectrodeActive,
    ElectrodeInactive,
    Electrolyte,
    ElectrolyteLot,
    InactiveMaterial,
    Molecule,
    MoleculeLot,
    Separator,
    SeparatorMaterial,
    SeparatorPart,
    WetCell,
)
from cells.services.nodes import save_lot, save_node
from cells.services.registry import define_electrolyte, define_molecule, register_cell

TEXT = "70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC)"
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture
def lab(people):
    """One node of each kind, a lot of most, and a cell; by kind."""
    roles = [("EC", "solvent"), ("DMC", "solvent"), ("LiPF6", "salt"), ("VC", "additive")]
    for name, role in roles:
        define_molecule(name, "", role)
    electrolyte = define_electrolyte(TEXT)
    coating = save_node(Coating(short_name="Al2O3"))
    powder = save_node(
        ActiveMaterial(material_type="NMC", origin="artificial", coating=coating, shown=["origin"]),
        [ActiveMaterialAtom(symbol="Ni", amount=Decimal("0.6"))],
    )
    binder = save_node(InactiveMaterial(short_name="PVDF", role="binder"))
    cathode = save_node(
        Electrode(polarity="cathode", loading_mg_cm2=Decimal(21)),
        [
            ElectrodeActive(material=powder, amount=Decimal(100)),
            ElectrodeInactive(material=binder, amount=Decimal(4)),
        ],
    )
    film = save_node(SeparatorMaterial(short_name="PE"))
    separator = save_node(Separator(), [SeparatorPart(material=film, amount=Decimal(100))])
    geometry = save_node(CellGeometry(category="pouch", shown=["category"]))
    dry = save_node(
        DryCell(label="Pouch A", cathode=cathode, separator=separator, geometry=geometry)
    )
    box = save_lot(DryCellLot(box_id="50000", blueprint=dry))
    save_lot(ElectrolyteLot(label="E-1", blueprint=electrolyte))
    register_cell(10001, electrolyte, box)
    return {
        "molecule": Molecule.objects.get(name="EC"),
        "electrolyte": electrolyte,
        "coating": coating,
        "active-material": powder,
        "inactive-material": binder,
        "electrode": cathode,
        "separator-material": film,
        "separator": separator,
        "cell-geometry": geometry,
        "dry-cell": dry,
    }


def parts(prefix, *rows):
    """A formset as a browser sends it."""
    data = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


def component(material, amount, role="", unit=""):
    return {"material": material, "amount": amount, "role": role, "unit": unit}


def electrolyte_form(*rows, notes="", shown=("notes", "proprietary"), **other):
    return parts("components", *rows) | {"notes": notes, "shown": list(shown)} | other


EMPTY = {
    "actives": parts("actives"),
    "inactives": parts("inactives"),
    "atoms": parts("atoms"),
}


# Every kind ---------------------------------------------------------------------


@pytest.mark.parametrize("key", KINDS)
def test_each_list_and_node_opens_in_few_queries(
    lab, client_as, django_assert_max_num_queries, key
):
    client = client_as("viewer")

    with django_assert_max_num_queries(22):
        page = client.get(reverse("cells:nodes", args=[key]))
    with django_assert_max_num_queries(24):
        one = client.get(lab[key].get_absolute_url())

    assert lab[key] in [row.record for row in page.context["table"].rows]
    assert one.status_code == 200
    assert f"/materials/{KINDS[key].slug}/{lab[key].pk}/" == lab[key].get_absolute_url()


@pytest.mark.parametrize("key", KINDS)
def test_each_form_opens_for_members_only(lab, client_as, django_assert_max_num_queries, key):
    pages = [
        reverse("cells:node-new", args=[key]),
        reverse("cells:node-edit", args=[key, lab[key].pk]),
    ]
    if KINDS[key].has_lots:
        pages.append(reverse("cells:lot-new", args=[key, lab[key].pk]))
    client, viewer = client_as("member"), client_as("viewer")

    for address in pages:
        with django_assert_max_num_queries(30):
            assert client.get(address).status_code == 200
        assert viewer.get(address).status_code == 403


@pytest.mark.parametrize("key", KINDS)
def test_saving_what_the_form_shows_changes_nothing(lab, client_as, key):
    """A form that is opened and saved keeps every field, component and flag."""
    client = client_as("member")
    address = reverse("cells:node-edit", args=[key, lab[key].pk])
    before = type(lab[key]).objects.get(pk=lab[key].pk)

    answer = client.post(address, sent_back(client.get(address).context["define"]))

    after = type(before).objects.get(pk=before.pk)
    assert answer.status_code == 302, answer.context["define"].form.errors
    assert (after.name, after.digest, after.shown) == (before.name, before.digest, before.shown)


def sent_back(define):
    """The values of a bound form, as a browser would post them."""
    data = {}
    for form in [define.form, *(row for group in define.groups for row in group.forms)]:
        for field in form:
            value = field.value()
            if value not in (None, False):
                data[field.html_name] = value
    for group in define.groups:
        data |= {field.html_name: field.value() for field in group.management_form}
    return data


@pytest.mark.parametrize("key", KINDS)
def test_a_list_is_downloaded_as_csv(lab, client_as, key):
    page = client_as("viewer").get(reverse("cells:nodes", args=[key]), {"format": "csv"})

    lines = b"".join(page.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Name,")
    assert len(lines) == 1 + type(lab[key]).objects.count()


@pytest.mark.parametrize("key", KINDS)
def test_script_tags_and_formulas_in_every_text_are_only_text(lab, client_as, key):
    """A7 of the peers: text that people type is never run, here or in a spreadsheet."""
    row = lab[key]
    texts = {"notes": f"{SCRIPT}{FORMULA}"}
    for attribute in KINDS[key].attributes:
        if attribute.type == "text" and attribute.field != "material_type":
            texts[attribute.field] = FORMULA + SCRIPT
    for name, value in texts.items():
        setattr(row, name, value)
    save_node(row)
    client = client_as("curator")

    pages = [
        client.get(reverse("cells:nodes", args=[key])),
        client.get(row.get_absolute_url()),
        client.get(reverse("cells:node-edit", args=[key, row.pk])),
        client.get(reverse("cells:node-delete", args=[key, row.pk])),
    ]
    csv = client.get(reverse("cells:nodes", args=[key]), {"format": "csv"})

    assert not any(SCRIPT in page.content.decode() for page in pages)
    body = b"".join(csv.streaming_content).decode()
    assert f",{FORMULA}" not in body
    assert f'"{FORMULA}' not in body


@pytest.mark.parametrize("sort", ["name", "-electrolytes_count", "cells_count", "nonsense"])
def test_a_list_sorts_by_each_column(lab, client_as, sort):
    page = client_as("viewer").get(reverse("cells:nodes", args=["molecule"]), {"sort": sort})

    assert page.status_code == 200


def test_a_molecule_knows_its_electrolytes_and_cells(lab, client_as):
    page = client_as("viewer").get(reverse("cells:nodes", args=["molecule"]), {"q": "EC"})

    [row] = [row.record for row in page.context["table"].rows]
    assert (row.electrolytes_count, row.cells_count) == (1, 1)


def test_a_list_filters_by_words_and_choices(lab, client_as):
    client = client_as("viewer")

    def names(**query):
        page = client.get(reverse("cells:nodes", args=["molecule"]), query)
        return [row.record.name for row in page.context["table"].rows]

    assert names(default_role="salt") == ["LiPF6"]
    assert names(q="lip") == ["LiPF6"]
    assert names(q="nothing like it") == []


def test_the_lists_take_as_many_queries_for_100_nodes_as_for_one(
    lab, client_as, django_assert_max_num_queries
):
    for number in range(100):
        define_electrolyte(f"EC + {number + 1}.5mLiPF6")

    client = client_as("viewer")

    with django_assert_max_num_queries(16):
        client.get(reverse("cells:nodes", args=["electrolyte"]))


# Define -------------------------------------------------------------------------


def post_new(client, key, data, **answer):
    return client.post(reverse("cells:node-new", args=[key]), data | answer)


def preview_of(client, key, data):
    return client.post(reverse("cells:node-preview", args=[key]), data).content.decode()


def test_an_electrolyte_is_defined_from_rows_in_the_usual_roles(lab, client_as):
    data = electrolyte_form(
        component("DMC", "70"),
        component("EC", "30"),
        component("LiPF6", "1.5"),
        component("VC", "2", role="salt", unit="mol/L"),
    )

    answer = post_new(client_as("member"), "electrolyte", data)

    made = Electrolyte.objects.latest("pk")
    assert answer.url == made.get_absolute_url()
    assert made.name == "70%DMC+30%EC + 2MVC+1.5mLiPF6"
    assert made.history.get().history_user.username == "member"


def test_the_same_electrolyte_is_defined_once(lab, client_as):
    client = client_as("member")
    data = electrolyte_form(component("EC", "100"), notes="dried")

    first, second = (post_new(client, "electrolyte", data).url for _ in range(2))

    assert first == second
    assert Electrolyte.objects.filter(name="EC (dried)").count() == 1


def test_amounts_that_do_not_sum_are_never_rescaled_without_asking(lab, client_as):
    client = client_as("member")
    data = electrolyte_form(component("EC", "30"), component("DMC", "75"))

    refused = post_new(client, "electrolyte", data)
    text = preview_of(client, "electrolyte", data)
    count = Electrolyte.objects.count()
    post_new(client, "electrolyte", data, take="28.57/71.43")

    assert "entered as 30/75 and sum to 105 %" in refused.content.decode()
    assert "Take 28.57/71.43 and save" in text
    assert count == 1
    assert Electrolyte.objects.latest("pk").name == "71.43%DMC+28.57%EC"


def test_a_normalisation_that_was_not_shown_is_not_taken(lab, client_as):
    data = electrolyte_form(component("EC", "30"), component("DMC", "76"))

    page = post_new(client_as("member"), "electrolyte", data, take="28.57/71.43")

    assert page.status_code == 200
    assert Electrolyte.objects.count() == 1


def test_a_near_duplicate_is_offered_before_another_is_made(lab, client_as):
    client = client_as("member")
    data = electrolyte_form(
        component("DMC", "70"),
        component("EC", "30"),
        component("LiPF6", "1.2012"),
        component("VC", "2"),
    )

    asked = post_new(client, "electrolyte", data)
    text = asked.content.decode()

    assert "An electrolyte 0.1 % away exists" in text
    assert lab["electrolyte"].get_absolute_url() in text
    assert Electrolyte.objects.count() == 1
    post_new(client, "electrolyte", data, anyway="1")
    assert Electrolyte.objects.count() == 2


def test_a_clash_of_names_names_the_other_and_one_click_tells_them_apart(lab, client_as):
    client = client_as("member")
    rows = [{"material": lab["active-material"].name, "amount": "100"}]
    data = {"polarity": "cathode", "loading_mg_cm2": "25", "shown": ["notes", "proprietary"]}
    data |= parts("actives", *rows) | parts("inactives", {"material": "PVDF", "amount": "4"})

    text = preview_of(client, "electrode", data)
    refused = post_new(client, "electrode", data)

    assert f"name would be that of electrode {lab['electrode'].pk}" in text
    assert "Show loading in the name and save" in text
    assert "or loading in the name" in refused.content.decode()
    post_new(client, "electrode", data, also_show="loading_mg_cm2")
    made = Electrode.objects.latest("pk")
    assert "LOADING=25" in made.name


def test_lots_and_blueprints_are_interchangeable_in_forms(lab, client_as):
    lot = save_lot(MoleculeLot(label="B-17", blueprint=lab["molecule"]))
    client = client_as("member")

    post_new(client, "electrolyte", electrolyte_form(component("B-17", "100")))
    post_new(client, "dry-cell", {"label": "Cell B", "cathode": str(lab["electrode"].pk)})

    assert Electrolyte.objects.latest("pk").components.get().lot == lot
    assert DryCell.objects.get(label="Cell B").cathode == lab["electrode"]


def test_an_anode_free_cell_is_an_anode_with_notes_and_no_material(lab, client_as):
    client = client_as("member")
    data = {"polarity": "anode", "notes": "anode-free", "shown": ["notes"]}

    post_new(client, "electrode", data | EMPTY["actives"] | EMPTY["inactives"])

    anode = Electrode.objects.latest("pk")
    assert anode.name == "(anode-free)"
    assert not list(anode.parts())


def test_an_undisclosed_electrolyte_is_told_apart_by_its_notes(lab, client_as):
    data = electrolyte_form(notes="from vendor X", proprietary="on")

    post_new(client_as("member"), "electrolyte", data)

    assert Electrolyte.objects.latest("pk").name == "(from vendor X) [proprietary]"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (component("Unobtainium", "10"), "There is no molecule"),
        (component("EC", "-1"), "Give a number above 0"),
        (component("EC", "ten"), "ten is no number"),
        (component("EC", "1.23456789"), "At most 6 decimals"),
        (component("", "5"), "Say of what this is the amount"),
        (component("EC", "1e9"), "less than or equal"),
        (component("VC", "100"), "must stay below 100"),
    ],
)
def test_bad_rows_are_refused_at_their_row(lab, client_as, row, message):
    client = client_as("member")
    data = electrolyte_form(row)

    page = post_new(client, "electrolyte", data)

    assert message in page.content.decode()
    assert message in preview_of(client, "electrolyte", data)
    assert Electrolyte.objects.count() == 1


def test_an_unknown_amount_is_a_value_of_its_own(lab, client_as):
    post_new(client_as("member"), "electrolyte", electrolyte_form(component("EC", "?")))

    assert Electrolyte.objects.latest("pk").name == "?%EC"


def test_an_atom_is_an_element(lab, client_as):
    data = {"material_type": "X"} | parts("atoms", {"material": "Xx", "amount": "1"})

    page = post_new(client_as("member"), "active-material", data)

    assert "Xx is no element" in page.content.decode()


def test_a_cathode_is_not_taken_for_an_anode(lab, client_as):
    data = {"label": "Wrong", "anode": lab["electrode"].name}

    page = post_new(client_as("member"), "dry-cell", data)

    assert "is given as anode and defined as cathode" in page.content.decode()
    assert not DryCell.objects.filter(label="Wrong").exists()


def test_negative_sizes_and_inverted_cutoffs_are_refused_at_the_form(lab, client_as):
    client = client_as("member")

    size = post_new(client, "cell-geometry", {"category": "coin", "width_mm": "-3"})
    cutoffs = {"label": "W", "lower_cutoff_voltage": "4", "upper_cutoff_voltage": "3"}
    voltage = post_new(client, "dry-cell", cutoffs)

    assert "give a number above 0" in size.content.decode()
    assert "lower cut-off must be below" in voltage.content.decode()


def test_a_composition_in_the_address_fills_in_the_rows(lab, client_as):
    address = reverse("cells:node-new", args=["electrolyte"])

    page = client_as("member").get(address, {"composition": TEXT})
    bad = client_as("member").get(address, {"composition": "70%"})

    rows = [form.initial.get("material") for form in page.context["define"].groups[0]]
    assert rows[:4] == ["DMC", "EC", "LiPF6", "VC"]
    assert "not an amount and a molecule" in bad.content.decode()


def test_existing_ones_are_listed_as_one_types(lab, client_as):
    client = client_as("member")

    assert ">LiPF6<" in preview_of(client, "molecule", {"short_name": "lip"})
    assert ">LiPF6<" not in preview_of(client, "molecule", {"short_name": "EC"})
    assert ">LiPF6<" in preview_of(client, "molecule", {"short_name": "EC", "like": "LiP"})


def test_a_change_of_a_part_goes_into_the_names_of_what_holds_it(lab, client_as):
    data = {"short_name": "Ethylene carbonate", "default_role": "solvent"}
    address = reverse("cells:node-edit", args=["molecule", lab["molecule"].pk])

    client_as("member").post(address, data)

    assert "Ethylene carbonate" in Electrolyte.objects.get(pk=lab["electrolyte"].pk).name


# Lots and deleting --------------------------------------------------------------


def test_a_box_is_added_edited_and_kept_while_cells_are_in_it(lab, client_as):
    client = client_as("curator")
    dry = lab["dry-cell"]
    new = reverse("cells:lot-new", args=["dry-cell", dry.pk])

    client.post(new, {"box_id": "50001", "vendor": "LiFun", "made_on": "2025-02-03"})
    box = DryCellLot.objects.get(box_id="50001")
    edit = reverse("cells:lot-edit", args=["dry-cell", box.pk])
    client.post(edit, {"box_id": "50001", "vendor": "LiFun", "shown": ["vendor"]})
    used = DryCellLot.objects.get(box_id="50000")
    page = client.post(reverse("cells:lot-delete", args=["dry-cell", used.pk]), follow=True)

    assert "VEN=LiFun" in DryCellLot.objects.get(pk=box.pk).name
    assert "in use by Cell 10001" in page.content.decode()
    client.post(reverse("cells:lot-delete", args=["dry-cell", box.pk]))
    assert not DryCellLot.objects.filter(pk=box.pk).exists()


def test_a_second_box_of_one_id_is_refused_at_the_form(lab, client_as):
    new = reverse("cells:lot-new", args=["dry-cell", lab["dry-cell"].pk])

    page = client_as("member").post(new, {"box_id": "50000"})

    assert "already exists" in page.content.decode()


@pytest.mark.parametrize("key", sorted(set(KINDS) - {"dry-cell"}))
def test_deleting_what_is_in_use_is_refused_with_the_list_of_users(lab, client_as, key):
    """The peers' registry let go of an electrolyte's components with their molecule."""
    before = list(lab["electrolyte"].components.values_list("pk", flat=True))
    address = reverse("cells:node-delete", args=[key, lab[key].pk])

    page = client_as("curator").post(address, follow=True)

    assert "is in use by" in page.content.decode()
    assert BLUEPRINTS[key].objects.filter(pk=lab[key].pk).exists()
    assert list(lab["electrolyte"].components.values_list("pk", flat=True)) == before


def test_an_unused_node_is_deleted_by_a_curator_and_by_nobody_else(lab, client_as):
    molecule = define_molecule("FEC", "", "additive")
    address = reverse("cells:node-delete", args=["molecule", molecule.pk])

    assert client_as("member").post(address).status_code == 403
    client_as("curator").post(address)

    assert not Molecule.objects.filter(name="FEC").exists()
    assert WetCell.objects.get().electrolyte == lab["electrolyte"]
