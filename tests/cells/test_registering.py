"""Registering many cells: columns of molecules, workbooks, the grid, merging, exchange."""

import io
import json
import time
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from battery_db.lib.errors import LabError
from cells.models import DryCell, DryCellLot, Electrolyte, Molecule, WetCell
from cells.registration import (
    MOLECULE_TEMPLATE,
    MoleculeColumn,
    decode,
    molecule_column,
    read_entries,
)
from cells.services.bulk_registration import plan_registration, register_table
from cells.services.nodes import save_lot, save_node
from cells.services.registry import define_electrolyte, define_molecule, register_cell

GRID = "cell_id,dry_cell,DMC,EC,LiPF6,VC [salt]\r\n"


@pytest.fixture
def shelf(people):
    roles = [("EC", "solvent"), ("DMC", "solvent"), ("LiPF6", "salt"), ("VC", "additive")]
    for name, role in roles:
        define_molecule(name, "", role)
    dry = save_node(DryCell(label="Pouch A"))
    return save_lot(DryCellLot(box_id="50000", blueprint=dry))


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("EC", MoleculeColumn("EC")),
        ("VC [salt]", MoleculeColumn("VC", "salt")),
        ("VC [salt mol/L]", MoleculeColumn("VC", "salt", "mol/L")),
        ("LiPF6 [mol/kg]", MoleculeColumn("LiPF6", "", "mol/kg")),
        ("B-1[VEN=x](EC)", MoleculeColumn("B-1[VEN=x](EC)")),
    ],
)
def test_a_column_names_a_molecule_and_its_use(header, column):
    assert molecule_column(header) == column


def test_columns_of_molecules_become_electrolytes_and_boxes_are_lots(shelf):
    register_table(GRID + "40322,50000,70,30,1.5,?\r\n40323,50000,70,30,1.5,0\r\n")

    first, second = WetCell.objects.with_names()
    assert first.electrolyte.name == "70%DMC+30%EC + 1.5mLiPF6+?mVC"
    assert second.electrolyte.name == "70%DMC+30%EC + 1.5mLiPF6"
    assert first.dry_cell_lot == shelf


def test_the_template_by_molecules_can_be_registered_as_it_is(shelf):
    assert register_table(MOLECULE_TEMPLATE).counts == {"new": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GRID + "1,50000,70,31,1.5,\r\n", "sum to 101 %"),
        (GRID + "1,50000,seventy,30,1,\r\n", "'seventy' is no amount"),
        (GRID + "1,50000,-70,30,1,\r\n", "is below 0"),
        ("cell_id,EC,VC\r\n1,100,100\r\n", "must stay below 100 %"),
        ("cell_id,electrolyte,EC\r\n1,EC,100\r\n", "Give one of the two"),
    ],
)
def test_amounts_that_can_not_be_are_refused_at_their_row(shelf, text, message):
    """A7: additives that sum to 100 % or more crashed the bulk registration of a peer."""
    [row] = plan_registration(text).rows

    assert row.verdict == "error"
    assert message in row.message
    with pytest.raises(LabError):
        register_table(text)
    assert not Electrolyte.objects.exists()


def test_an_unknown_molecule_in_a_table_is_named(shelf):
    with pytest.raises(LabError, match="mass, which is no registered molecule"):
        plan_registration("cell_id,mass\n1,2\n")


def test_proprietary_electrolytes_are_registered_in_bulk(shelf):
    """A7: a peer's bulk registration crashed on them."""
    register_table('cell_id,electrolyte\n1,"(vendor X) [proprietary]"\n')

    assert WetCell.objects.get().electrolyte.proprietary


def test_fifty_thousand_pasted_rows_get_a_clear_message():
    text = "cell_id\n" + "".join(f"{number}\n" for number in range(1, 50_001))

    with pytest.raises(LabError, match=r"more than 20,000 rows \(about 50,001\)"):
        read_entries(text)


def workbook(rows):
    """The smallest .xlsx that spreadsheets open: inline strings and numbers."""
    cells = "".join(
        "<row>"
        + "".join(
            f"<c><v>{value}</v></c>"
            if isinstance(value, (int, float))
            else f'<c t="inlineStr"><is><t>{value}</t></is></c>'
            for value in row
        )
        + "</row>"
        for row in rows
    )
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    files = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {space} xmlns:r="{relation}"><sheets>'
        '<sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{relation}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{cells}</sheetData></worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def test_a_workbook_is_registered_like_a_table(shelf, client_as):
    content = workbook([["cell_id", "dry_cell", "EC", "LiPF6"], [40322, 50000, 100, 1.5]])

    text = decode(content)
    upload = SimpleUploadedFile("cells.xlsx", content)
    page = client_as("member").post(reverse("cells:register-csv"), {"upload": upload})

    assert text.splitlines() == ["cell_id,dry_cell,EC,LiPF6", "40322,50000,100,1.5"]
    assert page.context["plan"].counts == {"new": 1}


def test_a_broken_workbook_says_so():
    with pytest.raises(LabError, match="workbook can not be read"):
        decode(b"PK\x03\x04 nothing more")


def test_a_thousand_cells_are_planned_and_written_in_few_queries(shelf):
    head = "cell_id,dry_cell,DMC,EC,LiPF6\n"
    text = head + "".join(
        f"{number},50000,70,30,1.{number % 50 + 1}\n" for number in range(50_001, 51_001)
    )

    with CaptureQueriesContext(connection) as queries:
        started = time.perf_counter()
        plan = register_table(text)
        took = time.perf_counter() - started

    assert plan.counts == {"new": 1000}
    assert len(queries) <= 50, f"{len(queries)} queries in {took:.1f} s"


def test_the_grid_shows_a_verdict_for_each_row_and_writes_nothing(shelf, client_as):
    register_cell(40322, define_electrolyte("EC + 1mLiPF6"))
    text = GRID + "40322,50000,70,30,1.5,\r\n40323,50000,70,30,1.5,\r\n"
    client = client_as("member")

    asked = client.post(reverse("cells:register-check"), {"text": text})
    replaced = client.post(reverse("cells:register-check"), {"text": text, "replace": "on"})
    empty = client.post(reverse("cells:register-check"), {"text": ""})
    unknown = client.post(reverse("cells:register-check"), {"text": "cell_id,Xx\n1,2\n"})

    assert asked.context["plan"].counts == {"new": 1, "conflict": 1}
    assert "electrolyte is EC + 1mLiPF6" in replaced.content.decode()
    assert replaced.context["plan"].counts == {"new": 1, "replaced": 1}
    assert "The grid is empty" in empty.content.decode()
    assert "no registered molecule" in unknown.content.decode()
    assert WetCell.objects.count() == 1


def test_the_grid_page_is_for_members(shelf, client_as, django_assert_max_num_queries):
    client = client_as("member")

    with django_assert_max_num_queries(15):
        page = client.get(reverse("cells:register"))

    assert "EC" in page.context["molecules"]
    assert "50000" in page.context["bodies"]
    assert client_as("viewer").get(reverse("cells:register")).status_code == 403


def test_a_curator_sees_what_a_merge_would_move_and_confirms(shelf, client_as):
    keep = Molecule.objects.get(name="EC")
    gone = define_molecule("Ethylene carbonate", "", "solvent")
    define_electrolyte("Ethylene carbonate + 1mLiPF6")
    address = reverse("cells:node-merge", args=["molecule", keep.pk])
    client = client_as("curator")

    page = client.get(address, {"gone": gone.name})

    assert page.context["duplicate"] == gone
    assert Molecule.objects.filter(pk=gone.pk).exists()
    client.post(address, {"gone": gone.name})
    assert not Molecule.objects.filter(pk=gone.pk).exists()
    assert Electrolyte.objects.get().name == "EC + 1mLiPF6"
    assert client_as("member").get(address).status_code == 403


@pytest.mark.parametrize("text", ["no such molecule", "EC"])
def test_a_merge_with_nothing_or_itself_is_refused(shelf, client_as, text):
    keep = Molecule.objects.get(name="EC")
    address = reverse("cells:node-merge", args=["molecule", keep.pk])

    page = client_as("curator").post(address, {"gone": text})

    assert page.status_code == 200
    assert "error" in page.context
    assert Molecule.objects.filter(pk=keep.pk).exists()


def test_a_cell_goes_out_as_battinfo_and_comes_back_the_same(shelf, client_as):
    register_cell(7, define_electrolyte("EC + 1mLiPF6"), shelf, "first")
    client = client_as("curator")

    document = client.get(reverse("cells:battinfo", args=[7]))
    client.post(reverse("cells:cell-delete", args=[7]))
    upload = SimpleUploadedFile("cell.jsonld", document.content)
    back = client.post(reverse("cells:battinfo-import"), {"upload": upload})

    assert json.loads(document.content)
    assert back.url == "/cells/7/"
    cell = WetCell.objects.with_names().get(cell_id=7)
    assert (cell.electrolyte.name, cell.dry_cell_lot, cell.notes) == (
        "EC + 1mLiPF6",
        shelf,
        "first",
    )


@pytest.mark.parametrize("name", ["cells:battinfo-import", "cells:bpx-import"])
def test_a_file_that_is_no_description_is_refused_at_its_field(shelf, client_as, name):
    upload = SimpleUploadedFile("x.json", b"{not json")

    page = client_as("member").post(reverse(name), {"upload": upload})

    assert page.status_code == 200
    assert page.context["form"].errors["upload"]
