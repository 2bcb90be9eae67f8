"""Geometries, electrodes, lots and boxes in bulk: a verdict for each row, then all or none."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cells.kinds import KINDS
from cells.models import (
    LOTS,
    ActiveMaterial,
    CellGeometry,
    DryCell,
    DryCellLot,
    Electrode,
    Molecule,
    MoleculeLot,
)
from cells.services.nodes import save_lot, save_node
from cells.services.several import Wanted, define_several

SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
GEOMETRIES = reverse("cells:nodes-several", args=["cell-geometry"])
ELECTRODES = reverse("cells:nodes-several", args=["electrode"])
BOXES = reverse("cells:lots-several", args=["dry-cell"])


@pytest.fixture
def member(client_as):
    return client_as("member")


@pytest.fixture
def powder(db):
    return save_node(ActiveMaterial(material_type="NMC", shown=["material_type"]))


@pytest.fixture
def pouch(db):
    return save_node(DryCell(label="Pouch A"))


def table(*rows, shown=(), **other):
    data = {"rows-TOTAL_FORMS": len(rows), "rows-INITIAL_FORMS": 0, "shown": list(shown)}
    for number, row in enumerate(rows):
        data |= {f"rows-{number}-{name}": value for name, value in row.items()}
    return data | other


def electrode(**values):
    return {"polarity": "cathode", "material": "[NMC]", "amount": "100"} | values


def preview(client, address, data):
    return client.post(address, data)


def save(client, address, data):
    """As a person does it: look at the verdicts, then save."""
    seen = client.post(address, data).context["previewed"]
    return client.post(address, data | {"previewed": seen, "save": "1"})


def verdicts(page):
    return [verdict.outcome if verdict else "" for _, verdict in page.context["rows"]]


SIZES = ("category", "width_mm", "thickness_mm")


def test_a_preview_tells_of_each_row_and_writes_nothing(member):
    save_node(CellGeometry(category="coin", diameter_mm=Decimal(20), shown=["category"]))
    data = table(
        {"category": "pouch", "width_mm": "40", "thickness_mm": "3,5"},
        {},
        {"category": "coin", "diameter_mm": "20"},
        {"category": "pouch", "thickness_mm": "3.5", "width_mm": "40.0"},
        shown=SIZES,
    )

    page = preview(member, GEOMETRIES, data)

    assert verdicts(page) == ["created", "", "exists already", "exists already"]
    assert "The same as row 1." in page.content.decode()
    assert "1 will be created" in page.content.decode()
    assert CellGeometry.objects.count() == 1
    assert CellGeometry.history.count() == 1


def test_geometries_are_saved_after_the_preview(member):
    data = table(
        {"category": "pouch", "width_mm": "40", "notes": "from A", "proprietary": "on"},
        {"category": "cylindrical", "diameter_mm": "18"},
        shown=("category", "width_mm", "diameter_mm", "notes"),
    )

    answer = save(member, GEOMETRIES, data)

    assert answer.url == reverse("cells:nodes", args=["cell-geometry"])
    pouch, cylinder = CellGeometry.objects.order_by("pk")
    assert (pouch.width_mm, pouch.notes, pouch.proprietary) == (Decimal(40), "from A", True)
    assert cylinder.name == "[cylindrical,WIDTH=?,DIAM=18mm]"
    assert cylinder.history.get().history_user.username == "member"


def test_electrodes_are_saved_with_their_active_material(member, powder):
    data = table(
        electrode(loading_mg_cm2="21", density_g_cm3="3.2", porosity_percent="30"),
        electrode(loading_mg_cm2="15", thickness_um="60", notes="thin"),
        {"polarity": "anode", "material": "", "amount": "100", "notes": "anode-free"},
        shown=("notes", "loading_mg_cm2"),
    )

    save(member, ELECTRODES, data)

    thick, thin, free = Electrode.objects.order_by("pk")
    assert (thick.loading_mg_cm2, thick.density_g_cm3) == (Decimal(21), Decimal("3.2"))
    assert [(part.material, part.amount) for part in thin.parts()] == [(powder, Decimal(100))]
    assert not list(free.parts())
    assert "LOADING=15" in thin.name


def test_one_row_that_is_refused_keeps_all_others_out(member, powder):
    data = table(
        electrode(loading_mg_cm2="21"), electrode(material="Unobtainium"), shown=("notes",)
    )

    page = save(member, ELECTRODES, data)

    row, verdict = page.context["rows"][1]
    assert "There is no active material" in row.errors["material"][0]
    assert verdict.outcome == "refused"
    assert verdicts(page) == ["created", "refused"]
    assert "Nothing can be saved yet" in page.content.decode()
    assert not Electrode.objects.exists()


def test_a_clash_with_an_earlier_row_is_told_with_what_tells_them_apart(member, powder):
    data = table(
        electrode(loading_mg_cm2="21"), electrode(loading_mg_cm2="25"), shown=("polarity",)
    )

    clashing = save(member, ELECTRODES, data)
    save(member, ELECTRODES, data | {"shown": ["polarity", "loading_mg_cm2"]})

    assert verdicts(clashing) == ["created", "refused"]
    assert "Show loading in the name" in clashing.content.decode()
    assert Electrode.objects.count() == 2


@pytest.mark.parametrize(
    ("row", "field", "message"),
    [
        ({"width_mm": "-3"}, "width_mm", "Give a number above 0"),
        ({"width_mm": "wide"}, "width_mm", "wide is no number"),
        ({"width_mm": "1.23456789"}, "width_mm", "At most 6 decimals"),
        ({"category": "sphere"}, "category", "sphere is not one of"),
        ({"notes": "n" * 1001}, "notes", "at most 1000 characters"),
    ],
)
def test_bad_geometries_are_refused_at_their_field(member, row, field, message):
    page = save(member, GEOMETRIES, table({"category": "coin"}, row, shown=("category", "notes")))

    form, verdict = page.context["rows"][1]
    assert message in form.errors[field][0]
    assert verdict.outcome == "refused"
    assert not CellGeometry.objects.exists()


@pytest.mark.parametrize(
    ("row", "field", "message"),
    [
        ({"polarity": "", "material": "[NMC]"}, "polarity", "required"),
        (electrode(material="", amount="90"), "material", "Say of what this is the amount"),
        (electrode(porosity_percent="0"), "porosity_percent", "Give a number above 0"),
    ],
)
def test_bad_electrodes_are_refused_at_their_field(member, powder, row, field, message):
    page = save(member, ELECTRODES, table(row, shown=("polarity", "notes")))

    form, _ = page.context["rows"][0]
    assert message in form.errors[field][0]
    assert not Electrode.objects.exists()


def test_an_amount_that_does_not_sum_is_refused_at_its_row(member, powder):
    page = save(member, ELECTRODES, table(electrode(amount="90"), shown=("polarity",)))

    _, verdict = page.context["rows"][0]
    assert verdict.outcome == "refused"
    assert "90" in verdict.message
    assert not Electrode.objects.exists()


def test_an_unknown_amount_is_a_value_of_its_own(member, powder):
    save(member, ELECTRODES, table(electrode(amount="?"), shown=("polarity",)))

    assert Electrode.objects.get().actives.get().amount is None


def test_a_table_that_has_changed_since_its_preview_is_previewed_again(member):
    seen = preview(member, GEOMETRIES, table({"category": "coin"}, shown=("category",)))
    changed = table({"category": "pouch"}, shown=("category",))

    page = member.post(GEOMETRIES, changed | {"previewed": seen.context["previewed"], "save": "1"})

    assert verdicts(page) == ["created"]
    assert not CellGeometry.objects.exists()


def test_an_empty_table_is_told_so(member):
    page = save(member, ELECTRODES, table({"amount": "100"}, {"amount": ""}))

    assert "No row is filled in." in page.content.decode()


def test_more_rows_than_are_taken_are_refused(member):
    rows = [{"category": "coin", "width_mm": str(n + 1)} for n in range(61)]

    page = save(member, GEOMETRIES, table(*rows, shown=("category", "width_mm")))

    assert "at most 60 forms" in page.content.decode()
    assert not CellGeometry.objects.exists()


# Lots ---------------------------------------------------------------------------


def box(box_id, blueprint="Pouch A", **values):
    return {"blueprint": blueprint, "box_id": box_id} | values


def test_boxes_are_saved_with_all_that_is_known_of_them(member, pouch):
    data = table(
        box("50000", vendor="LiFun", creator="Ann", made_on="2025-02-03", notes="dry"),
        box("50001", blueprint=str(pouch.pk)),
        shown=("vendor",),
    )

    save(member, BOXES, data)

    first, second = DryCellLot.objects.order_by("box_id")
    assert (first.vendor, first.creator, first.notes) == ("LiFun", "Ann", "dry")
    assert first.made_on == date(2025, 2, 3)
    assert "VEN=LiFun" in first.name
    assert (second.blueprint, second.name) == (pouch, "50001[VEN=?](Pouch A)")


def test_a_box_exists_already_only_when_it_says_the_same(member, pouch):
    save_lot(DryCellLot(box_id="50000", blueprint=pouch))
    data = table(box("50000"), box("50000", vendor="X"), box("50001"), box("50001"))

    page = save(member, BOXES, data)

    assert verdicts(page) == ["exists already", "refused", "created", "exists already"]
    assert DryCellLot.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "field", "message"),
    [
        (box("", vendor="X"), "box_id", "required"),
        (box("50001", blueprint=""), "blueprint", "required"),
        (box("50001", blueprint="Pouch Z"), "blueprint", "There is no dry cell"),
        (box("50001", blueprint="50000"), "blueprint", "is a lot itself"),
        (box("50001", made_on="yesterday"), "made_on", "Enter a valid date"),
        (box("5" * 101), "box_id", "at most 100 characters"),
    ],
)
def test_bad_boxes_are_refused_at_their_field(member, pouch, row, field, message):
    save_lot(DryCellLot(box_id="50000", blueprint=pouch))

    page = save(member, BOXES, table(box("50002"), row))

    form, _ = page.context["rows"][1]
    assert message in form.errors[field][0]
    assert DryCellLot.objects.count() == 1


def test_lots_of_molecules_are_saved(member):
    molecule = save_node(Molecule(short_name="EC", default_role="solvent"))
    address = reverse("cells:lots-several", args=["molecule"])

    save(member, address, table({"blueprint": "ec", "label": "B-17", "vendor": "Sigma"}))

    assert MoleculeLot.objects.get().blueprint == molecule


# Every page ---------------------------------------------------------------------


ADDRESSES = [GEOMETRIES, ELECTRODES, *(reverse("cells:lots-several", args=[key]) for key in LOTS)]


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_page_opens_for_members_only(client_as, address, django_assert_max_num_queries):
    client = client_as("member")

    with django_assert_max_num_queries(14):
        page = client.get(address)

    assert page.status_code == 200
    assert "Add a row" in page.content.decode()
    assert client_as("viewer").get(address).status_code == 403


@pytest.mark.parametrize("key", KINDS)
def test_each_list_links_to_its_tables(member, key):
    text = member.get(reverse("cells:nodes", args=[key])).content.decode()

    assert (f"/materials/{KINDS[key].slug}/several/" in text) is (
        key in ("cell-geometry", "electrode")
    )
    assert (f"/materials/{KINDS[key].slug}/lots/several/" in text) is KINDS[key].has_lots


def test_script_tags_and_formulas_in_a_table_are_only_text(member, pouch):
    row = box(FORMULA, vendor=SCRIPT, creator=FORMULA, notes=SCRIPT)

    page = preview(member, BOXES, table(row, shown=("vendor", "notes")))
    save(member, BOXES, table(row, shown=("vendor", "notes")))

    stored = DryCellLot.objects.get()
    assert (stored.box_id, stored.vendor, stored.creator) == (FORMULA, SCRIPT, FORMULA)
    assert verdicts(page) == ["created"]
    assert SCRIPT not in page.content.decode()


def test_what_is_refused_by_the_service_leaves_nothing_behind(db, pouch):
    wanted = [
        Wanted(1, DryCellLot(box_id="1", blueprint=pouch)),
        Wanted(2, DryCellLot(box_id="", blueprint=pouch)),
    ]

    outcomes = define_several(wanted, keep=True)

    assert [found.outcome for found in outcomes.verdicts] == ["created", "refused"]
    assert not DryCellLot.objects.exists()
    assert not DryCellLot.history.exists()


def test_the_queries_of_a_row_do_not_grow_with_the_table(member, powder):
    def cost(count):
        rows = [electrode(loading_mg_cm2=str(n + 1)) for n in range(count)]
        with CaptureQueriesContext(connection) as seen:
            preview(member, ELECTRODES, table(*rows, shown=("loading_mg_cm2",)))
        return len(seen)

    few, many = cost(5), cost(25)

    assert (many - few) / 20 <= 32
