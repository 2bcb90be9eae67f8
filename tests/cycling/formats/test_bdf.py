"""Battery Data Format tables: machine names, labels, CSV and Parquet."""

import polars as pl
import pytest

from battery_db.lib.errors import MissingColumn, UnknownFormat, UnreadableFile
from cycling.formats.bdf import column_of
from tests.cycling.formats import files

LABELS = {
    "test_time_second": "Test Time / s",
    "voltage_volt": "Voltage / V",
    "current_ampere": "Current / A",
    "unix_time_second": "Unix Time / s",
    "cycle_count": "Cycle Count / 1",
    "step_count": "Step Count / 1",
    "step_id": "Step ID",
    "step_type": "Step Type",
    "step_time_second": "Step Time / s",
    "record_index": "Record Index / 1",
    "step_cumulative_capacity_ah": "Step Cumulative Capacity / Ah",
}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_machine_names_and_labels_read_alike(read_bytes, separator):
    frame = files.series()
    content = frame.write_csv(separator=separator)
    labelled = frame.rename(LABELS).write_csv(separator=separator)

    plain = read_bytes(content, "cell.bdf.csv")[1]
    named = read_bytes(labelled, "cell.csv")[1]

    assert plain.frame.equals(named.frame)
    assert plain.findings == named.findings == ()
    assert plain.frame["voltage_volt"].to_list() == pytest.approx(frame["voltage_volt"].to_list())
    assert plain.frame["step_count"].to_list() == frame["step_count"].to_list()


def test_labels_may_carry_another_unit(read_bytes):
    frame = files.series().select("test_time_second", "voltage_volt", "current_ampere")
    labelled = frame.select(
        pl.col("test_time_second").alias("Test Time / h") / 3600,
        pl.col("voltage_volt").alias("Voltage / mV") * 1000,
        pl.col("current_ampere").alias("Current / mA") * 1000,
    )

    read = read_bytes(labelled.write_csv(), "cell.bdf.csv")[1].frame

    for name in frame.columns:
        assert read[name].to_list() == pytest.approx(frame[name].to_list(), rel=1e-6)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Ambient Temperature / degC", ("ambient_temperature_celsius", 1.0)),
        ("Ambient Temperature / °C", ("ambient_temperature_celsius", 1.0)),
        ("Charging Capacity / mAh", ("charging_capacity_ah", 1e-3)),
        ("step_index", ("step_id", 1.0)),
        ("Voltage", None),
        ("Voltage / parsec", None),
        ("power_watt", None),
    ],
)
def test_headers_mean_what_the_format_says(label, expected):
    assert column_of(label) == expected


def test_parquet_reads_as_csv_does(read_bytes, tmp_path):
    frame = files.series()
    frame.rename(LABELS).write_parquet(tmp_path / "made.parquet")

    plain = read_bytes(frame.write_csv(), "cell.bdf.csv")[1].frame
    format_, reading = read_bytes((tmp_path / "made.parquet").read_bytes(), "cell.bdf.parquet")

    assert format_.name == "bdf_parquet"
    assert reading.frame.equals(plain)


def test_a_truncated_parquet_is_unreadable(read_bytes, tmp_path):
    files.series().write_parquet(tmp_path / "made.parquet")
    content = (tmp_path / "made.parquet").read_bytes()

    with pytest.raises(UnreadableFile, match="damaged"):
        read_bytes(content[: len(content) // 2], "cell.bdf.parquet")


def test_parquet_rows_beyond_the_limit_are_refused(read_bytes, tmp_path):
    files.series().write_parquet(tmp_path / "made.parquet")

    with pytest.raises(UnreadableFile, match="at most 10 are read"):
        read_bytes((tmp_path / "made.parquet").read_bytes(), "cell.bdf.parquet", max_rows=10)


def test_a_bdf_file_without_current_says_what_is_missing(read_bytes):
    content = files.series().drop("current_ampere").write_csv()

    with pytest.raises(MissingColumn, match="no column for current_ampere"):
        read_bytes(content, "cell.bdf.csv")
    with pytest.raises(UnknownFormat):
        read_bytes(content, "cell.csv")


def test_columns_that_are_left_out_are_named(read_bytes, codes):
    content = files.series().with_columns(mood=pl.lit("good")).write_csv()

    _, reading = read_bytes(content, "cell.bdf.csv")

    assert codes(reading) == ["column_left_out"]
    assert "'mood'" in reading.findings[0].text


def test_a_cut_table_gives_its_whole_rows(read_bytes, codes):
    content = files.series().write_csv()

    _, reading = read_bytes(content[:-20], "cell.bdf.csv")

    assert codes(reading) == ["cut_off"]
    assert reading.is_partial
    assert reading.frame.height == files.series().height - 1
