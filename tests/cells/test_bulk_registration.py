import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from battery_db.lib.errors import LabError, NotAllowed
from cells.models import Electrolyte, WetCell
from cells.registration import TEMPLATE, decode, read_entries
from cells.services.bulk_registration import plan_registration, register_table
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    register_cell,
)

HEADER = "cell_id,electrolyte,dry_cell,notes\n"


@pytest.fixture
def shelf(db):
    for name, role in [
        ("EC", "solvent"),
        ("DMC", "solvent"),
        ("LiPF6", "salt"),
        ("VC", "additive"),
    ]:
        define_molecule(name, "", role)
    return define_dry_cell(name="Pouch A")


def verdicts(text, **options):
    return [row.verdict.value for row in plan_registration(text, **options).rows]


def test_the_template_can_be_registered_as_it_is(shelf):
    register_table(TEMPLATE)

    cell = WetCell.objects.get()
    assert cell.electrolyte.name == "70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC)"
    assert cell.dry_cell == shelf
    assert cell.notes == "first of the batch"


def test_the_same_table_twice_changes_nothing(shelf):
    register_table(TEMPLATE)

    again = register_table(TEMPLATE)

    assert again.counts == {"same": 1}
    assert WetCell.objects.get().history.count() == 1
    assert Electrolyte.objects.count() == 1


def test_each_row_gets_a_verdict_with_field_and_advice(shelf):
    electrolyte = define_electrolyte("EC + 1mLiPF6")
    register_cell(1, electrolyte, shelf)
    register_cell(2, None, None)
    text = HEADER + "\n".join(
        [
            f"1,{electrolyte.pk},pouch a,",
            "2,EC + 1.0mLiPF6,,",
            "3,30%EC+75%DMC,,",
            "4,EC + 1mLiPF66,,",
            "5,,Pouch B,",
            "5,,,",
            "six,,,",
            "7,999999,,",
            "8,EC,,ok",
        ]
    )

    rows = plan_registration(text).rows

    assert [(row.verdict.value, row.field) for row in rows] == [
        ("same", ""),
        ("conflict", "electrolyte"),
        ("error", "electrolyte"),
        ("error", "electrolyte"),
        ("error", "dry_cell"),
        ("error", "cell_id"),
        ("error", "cell_id"),
        ("error", "electrolyte"),
        ("new", ""),
    ]
    assert "Normalised" in rows[2].message
    assert "Did you mean LiPF6" in rows[3].message
    assert "Did you mean Pouch A" in rows[4].message
    assert "line 6" in rows[5].message


def test_one_bad_row_and_nothing_is_registered(shelf):
    with pytest.raises(NotAllowed, match="1 of 2 rows"):
        register_table(HEADER + "1,EC,,\n2,nonsense,,\n")

    assert not WetCell.objects.exists()
    assert not Electrolyte.objects.exists()


def test_a_conflict_is_replaced_only_when_asked_and_empty_values_leave_what_is_there(shelf):
    register_cell(1, define_electrolyte("EC"), shelf, "old")
    text = HEADER + "1,DMC,,\n"

    assert verdicts(text) == ["conflict"]
    register_table(text, replace=True)

    cell = WetCell.objects.get()
    assert (cell.electrolyte.name, cell.dry_cell, cell.notes) == ("DMC", shelf, "old")
    assert cell.history.count() == 2


def test_queries_grow_with_batches_and_not_with_rows(shelf, people):
    def register(first, count):
        rows = "".join(f"{first + i},EC + {1 + i % 7}mLiPF6,Pouch A,\n" for i in range(count))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            register_table(HEADER + rows, by=people["member"])
        return len(queries)

    few, many = register(1, 10), register(1001, 1000)

    assert many - few <= 20
    assert WetCell.objects.get(cell_id=2000).history.get().history_user == people["member"]


@pytest.mark.parametrize(
    "text",
    [
        "cell_id\telectrolyte\n1\tEC\n",
        "Cell ID;Electrolyte\n1;EC\n",
        "\ufeffcell_id,electrolyte\r\n1,EC\r\n\r\n",
        'electrolyte,cell_id\n"EC",1\n',
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(text):
    (entry,) = read_entries(text)

    assert (entry.cell_id, entry.electrolyte) == ("1", "EC")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no rows"),
        ("cell_id\n", "no rows"),
        ("10001,EC\n", "first line"),
        ("cell_id,cell_id\n1,2\n", "twice"),
        ("cell_id,notes\n1,a,b\n", "3 values"),
        ('cell_id,notes\n1,"a', "not valid CSV"),
        ("cell_id\n" + "1\n" * 20_001, "20,000"),
    ],
)
def test_what_is_no_table_of_cells_is_refused(text, word):
    with pytest.raises(LabError, match=word):
        read_entries(text)


def test_uploads_are_utf_8_or_marked_utf_16():
    assert decode("cell_id\n1 µ".encode("utf-16")) == "cell_id\n1 µ"
    with pytest.raises(LabError, match="UTF-8"):
        decode("µ".encode("latin-1"))
