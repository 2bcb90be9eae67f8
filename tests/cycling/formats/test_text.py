"""Neware's text exports: layouts, units, encodings and damage."""

import polars as pl
import pytest
from polars.testing import assert_series_equal

from battery_db.lib.errors import MissingColumn, UnknownFormat, UnreadableFile
from battery_db.lib.series import COLUMNS
from cycling.formats import recognise
from tests.cycling.formats import files

EXACT = ("test_time_second", "cycle_count", "step_count", "step_id", "record_index")
CLOSE = ("voltage_volt", "current_ampere", "step_cumulative_capacity_ah", "unix_time_second")


def assert_same(frame: pl.DataFrame, expected: pl.DataFrame) -> None:
    for name in EXACT:
        assert_series_equal(frame[name], expected[name].cast(COLUMNS[name]))
    for name in CLOSE:
        # Single precision, and the digits that the exports print.
        assert_series_equal(
            frame[name].cast(pl.Float64), expected[name], rel_tol=1e-6, abs_tol=1e-7
        )
    assert frame["step_type"].cast(pl.String).to_list() == expected["step_type"].to_list()


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (files.nested, "neware_nested_text"),
        (files.separate, "neware_separate_text"),
        (files.flat, "neware_flat_text"),
    ],
)
def test_each_layout_gives_back_the_series_it_was_written_from(read_bytes, write, name):
    frame = files.series()

    format_, reading = read_bytes(write(frame))

    assert format_.name == name
    assert reading.findings == ()
    assert not reading.is_partial
    assert_same(reading.frame, frame)


def test_header_units_are_honoured(read_bytes):
    content = files.nested(files.series()).replace("Vol(mV)", "Vol(V)").replace("Cur(mA)", "Cur(A)")

    _, reading = read_bytes(content)

    assert reading.frame["voltage_volt"][0] == pytest.approx(3700.0)
    assert reading.frame["current_ampere"][0] == pytest.approx(100.0)


def test_old_exports_without_units_use_those_of_their_specification_and_say_so(read_bytes, codes):
    content = files.nested(files.series())
    for unit in ("(mV)", "(mA)", "(mAh)"):
        content = content.replace(unit, "")

    _, reading = read_bytes(content)

    assert codes(reading) == ["unit_of_format"] * 3
    assert_same(reading.frame, files.series())


def test_a_present_export_without_unit_is_refused_by_column_name(read_bytes):
    content = files.flat(files.series()).replace("Voltage(mV)", "Voltage")

    with pytest.raises(UnreadableFile, match="Column 'Voltage' can not be read: it names no unit"):
        read_bytes(content)


def test_an_unknown_unit_of_an_optional_column_leaves_the_column_out(read_bytes, codes):
    content = files.flat(files.series()).replace("Capacity(mAs)", "Capacity(furlong)")

    _, reading = read_bytes(content)

    assert codes(reading) == ["column_left_out"]
    assert "step_cumulative_capacity_ah" not in reading.frame.columns


def test_columns_in_another_order_read_alike(read_bytes):
    frame = files.series()
    order = [
        "Voltage(mV)",
        "Date",
        "Step Type",
        "Current(µA)",
        "Total Time",
        "Step Index",
        "Time",
        "Capacity(mAs)",
        "DataPoint",
        "Cycle Index",
    ]

    _, reading = read_bytes(files.flat(frame, order))

    assert_same(reading.frame, frame)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "gb18030"]
)
def test_every_encoding_reads_alike(read_bytes, encoding):
    # The Greek letter is what Chinese code pages have; Western ones have the micro sign.
    sign = "μ" if encoding == "gb18030" else "µ"
    content = files.flat(files.series()).replace("µ", sign).encode(encoding)

    _, reading = read_bytes(content)

    assert_same(reading.frame, files.series())


def test_chinese_headers_are_understood(read_bytes):
    header = "循环序号,工步序号,工步类型,数据序号,时间,总时间,电流(mA),电压(V),容量(mAh),绝对时间"
    rows = [
        "1,1,恒流充电,1,00:00:00,00:00:00,100,3.7,0,2024-01-01 00:00:00",
        "1,2,静置,2,00:00:00,00:00:30,0,3.8,0,2024-01-01 00:00:30",
        "1,3,恒流放电,3,00:00:00,00:01:00,-100,3.7,0,2024-01-01 00:01:00",
    ]

    _, reading = read_bytes("\n".join([header, *rows, ""]).encode("gb18030"))

    assert reading.metadata["encoding"] == "gb18030"
    assert reading.frame["step_type"].cast(str).to_list() == ["cc_charge", "rest", "cc_discharge"]


def test_windows_and_old_macintosh_line_ends_read_alike(read_bytes):
    content = files.nested(files.series())

    for end in ("\r\n", "\r"):
        assert_same(read_bytes(content.replace("\n", end))[1].frame, files.series())


def test_a_file_cut_in_mid_line_gives_its_complete_lines_and_says_so(read_bytes, codes):
    content = files.nested(files.series())
    cut = content[: content.rindex("\t\t") + 12]

    _, reading = read_bytes(cut)

    assert reading.is_partial
    assert codes(reading) == ["cut_off"]
    assert "\t" not in reading.findings[0].text
    assert_same(reading.frame, files.series()[:-1])


def test_a_missing_last_line_end_alone_is_no_damage(read_bytes):
    _, reading = read_bytes(files.nested(files.series()).rstrip("\n"))

    assert not reading.is_partial
    assert reading.frame.height == files.series().height


def test_damaged_lines_are_left_out_and_counted(read_bytes, codes):
    lines = files.flat(files.series()).splitlines()
    lines[5] = lines[5].replace(",", ";")
    lines[9] = lines[9].replace("3", "x\0")
    lines[20] = lines[20][:20]

    _, reading = read_bytes("\n".join(lines) + "\n")

    assert reading.is_partial
    assert codes(reading) == ["damaged_records"]
    assert reading.frame.height == files.series().height - 3


def test_nul_bytes_that_a_crash_left_at_the_end_are_dropped(read_bytes, codes):
    _, reading = read_bytes(files.nested(files.series()).encode() + b"\0" * 4000)

    assert reading.is_partial
    assert codes(reading) == ["nul_tail"]
    assert_same(reading.frame, files.series())


@pytest.mark.parametrize("number", ["1e400", "-1e39", "nan", "inf", "9" * 26])
def test_numbers_that_no_instrument_measures_are_damage(read_bytes, codes, number):
    lines = files.flat(files.series()).splitlines()
    cells = lines[7].split(",")
    cells[7] = number
    lines[7] = ",".join(cells)

    _, reading = read_bytes("\n".join(lines) + "\n")

    assert codes(reading) == ["damaged_records"]
    assert reading.frame["voltage_volt"].is_finite().all()


def test_header_only_files_are_unreadable(read_bytes):
    for content in (
        "\n".join(files.NESTED_HEADER) + "\n",
        files.flat(files.series()).splitlines()[0] + "\n",
        "Step Data\nCycle ID\tStep ID\tStep Name\nRecord Data\nCycle ID\tStep ID"
        + files.NESTED_HEADER[2][1:]
        + "\n",
    ):
        with pytest.raises(UnreadableFile, match="no data row"):
            read_bytes(content)


def test_separate_sections_without_records_are_unreadable(read_bytes):
    with pytest.raises(UnreadableFile, match="no section 'Record Data'"):
        read_bytes("Step Data\nCycle ID\tStep ID\tStep Name\n1\t1\tRest\n")


def test_a_header_without_current_is_named(read_bytes):
    content = files.separate(files.series()).replace("Cur(mA)", "Torque(Nm)")

    with pytest.raises(MissingColumn, match="lacks current"):
        read_bytes(content)


def test_steps_of_a_growing_separate_file_are_looked_up_by_number(read_bytes):
    frame = files.series()
    content = files.separate(frame)
    lines = content.splitlines()
    del lines[13]

    _, reading = read_bytes("\n".join(lines) + "\n")

    assert reading.frame["step_type"][:40].cast(str).to_list() == frame["step_type"][:40].to_list()


def test_more_lines_than_the_limit_are_refused(read_bytes):
    with pytest.raises(UnreadableFile, match="at most 50 are read"):
        read_bytes(files.flat(files.series()), max_rows=50)


def test_an_empty_file_a_folder_and_a_pipe_are_unreadable(tmp_path):
    import os

    (tmp_path / "empty.txt").touch()
    os.mkfifo(tmp_path / "pipe")

    for name, message in (("empty.txt", "0 bytes"), (".", "folder"), ("pipe", "pipe")):
        with pytest.raises(UnreadableFile, match=message):
            recognise(tmp_path / name)


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = tmp_path / "locked.txt"
    path.write_text("x")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)

    with pytest.raises(UnreadableFile, match="may not read") as caught:
        recognise(path)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    "content", [b"\x93\x01" * 500, b"hello\n", b"\0" * 5000, b"a,b,c\n1,2,3\n"]
)
def test_other_content_is_an_unknown_format(read_bytes, content):
    with pytest.raises(UnknownFormat, match=r"begins with|its columns are 'a', 'b', 'c'"):
        read_bytes(content, "cell.csv")


def test_time_that_counts_through_the_steps_is_not_added_up_again(read_bytes):
    frame = files.series().with_columns(step_time_second=pl.col("test_time_second"))

    _, reading = read_bytes(files.nested(frame))

    assert_series_equal(reading.frame["test_time_second"], frame["test_time_second"])
    assert reading.frame["step_time_second"].max() == 270


def test_numbers_with_decimal_commas_are_read(read_bytes):
    frame = files.series()
    content = files.flat(frame).replace(",", ";").replace(".", ",")
    content = content.replace("0,000", "0.000").replace("30,000", "30.000")

    _, reading = read_bytes(content)

    assert reading.frame["voltage_volt"].cast(pl.Float64).to_list() == pytest.approx(
        frame["voltage_volt"].to_list()
    )
