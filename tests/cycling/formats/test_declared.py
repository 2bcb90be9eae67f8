"""Tables that a person declared: alone, and where a vendor's reader lacks a unit."""

from dataclasses import replace

import polars as pl
import pytest

from battery_db.lib.errors import LabError, UnknownFormat
from cycling.formats import ReadContext, read
from cycling.formats.base import ColumnDeclaration, DeclaredColumn
from cycling.formats.declared import check_declaration, first_rows, header_of
from tests.cycling.formats import files

CONTEXT = ReadContext(declared=(files.DECLARATION,))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "cell.csv"
    path.write_text(files.unlabelled(files.series()))
    return path


def test_a_declared_table_reads_as_the_series_it_was_written_from(path):
    frame = files.series()

    format_, reading = read(path, CONTEXT)

    assert format_.name == "declared"
    assert reading.metadata["declaration"] == "Room 2"
    for column in ("test_time_second", "voltage_volt", "current_ampere"):
        ours = reading.frame[column].cast(pl.Float64).to_numpy()
        assert ours == pytest.approx(frame[column].to_numpy(), abs=1e-6)
    assert reading.frame["cycle_count"].to_list() == frame["cycle_count"].to_list()


def test_without_its_declaration_the_table_is_refused(path):
    with pytest.raises(UnknownFormat):
        read(path)


def test_a_declaration_leaves_tables_with_other_columns_alone(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("made by something else\na,b,c\n1,2,3\n")

    with pytest.raises(UnknownFormat):
        read(path, CONTEXT)


def test_a_vendors_file_is_read_by_its_own_reader_all_the_same(tmp_path):
    path = tmp_path / "cell.csv"
    path.write_text(files.arbin(files.series()))

    assert read(path, CONTEXT)[0].name == "arbin_text"


def test_a_table_without_column_names_is_declared_by_number(tmp_path):
    path = tmp_path / "cell.csv"
    path.write_text("0;1,5;3,7\n10;1,5;3,8\n")
    columns = (
        DeclaredColumn("column 1", "test_time_second", "s"),
        DeclaredColumn("column 2", "current_ampere", "A"),
        DeclaredColumn("column 3", "voltage_volt", "V"),
    )
    declaration = ColumnDeclaration("Bare", columns, header_line=0, separator=";")

    frame = read(path, ReadContext(declared=(declaration,)))[1].frame

    assert frame["current_ampere"].to_list() == [1.5, 1.5]
    assert frame["voltage_volt"].to_list() == pytest.approx([3.7, 3.8])


def test_a_clock_is_read_as_declared(tmp_path):
    path = tmp_path / "cell.csv"
    path.write_text("t,I,U,when\n0,1,3.7,05.02.2024_10:00:00\n1,1,3.7,05.02.2024_10:00:01\n")
    columns = (
        DeclaredColumn("t", "test_time_second", "s"),
        DeclaredColumn("I", "current_ampere", "A"),
        DeclaredColumn("U", "voltage_volt", "V"),
        DeclaredColumn("when", "unix_time_second"),
    )
    declaration = ColumnDeclaration("Odd", columns, clock_format="%d.%m.%Y_%H:%M:%S")
    context = ReadContext(time_zone="Europe/Berlin", declared=(declaration,))

    # 5 February, 10:00 in Berlin is 9:00 UTC.
    assert read(path, context)[1].frame["unix_time_second"][0] == 1707123600


def test_a_workbook_is_declared_like_text(real_data):
    path = real_data / "cycling-other/pybop-team__PyBOP/examples/data/Samsung_INR21700"
    path = path / "sample_hppc_pulse.xlsx"
    if not path.exists():
        pytest.skip(f"absent: {path}")
    columns = (
        DeclaredColumn("Time", "test_time_second", "s"),
        DeclaredColumn("Current", "current_ampere", "A"),
        DeclaredColumn("Voltage", "voltage_volt", "V"),
    )

    context = ReadContext(declared=(ColumnDeclaration("HPPC", columns),))
    format_, reading = read(path, context)

    assert format_.name == "declared"
    assert reading.frame.height == 403
    assert reading.frame["voltage_volt"][0] == pytest.approx(4.18647)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "surface_temperature_celsius", "unit": "C"}, "declared as test_time_second"),
        ({"unit": "furlong"}, "The unit 'furlong' of column 't' is not known"),
        ({"column": "voltage_volt"}, "Two columns are declared as voltage_volt"),
    ],
)
def test_a_declaration_that_can_not_work_is_refused(changes, message):
    first, *others = files.DECLARATION.columns

    with pytest.raises(LabError, match=message):
        check_declaration(replace(files.DECLARATION, columns=(replace(first, **changes), *others)))


def test_the_first_rows_of_a_file_show_its_header(path):
    grid = first_rows(path, "", 5)

    assert header_of(grid, 2) == ["n", "t", "U", "I"]
    assert len(grid.rows) == 5
