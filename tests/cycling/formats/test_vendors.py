"""Vendors' files against numbers in them, and against the series that made-up ones are of."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from battery_db.lib.errors import MissingColumn, UnreadableFile
from cycling.formats import ReadContext, read
from cycling.formats.base import MissingUnit
from cycling.half_cycles import summarise
from tests.cycling.formats import files

YADG = "cycling-biologic/dgbowl__yadg/tests/test_x_eclab"
CELLPY = "jepegit__cellpy"
PULSES = "cycling-neware/terencetaothucb__Pulse-Voltage-Response-Generation"
MADE = {
    "maccor_text": files.maccor,
    "arbin_text": files.arbin,
    "battery_archive": files.battery_archive,
    "landt": files.landt,
    "labelled_text": files.labelled,
}


def present(real_data: Path, name: str) -> Path:
    paths = sorted(real_data.glob(name))
    if not paths:
        pytest.skip(f"absent: {name}")
    return paths[0]


def halves(path: Path, polarity: str = "charge") -> list[float]:
    table = summarise(read(path)[1].frame)
    return table.filter(pl.col("polarity") == polarity)["capacity_ah"].to_list()


@pytest.mark.parametrize("name", MADE)
def test_a_vendors_table_reads_as_the_series_it_was_written_from(read_bytes, name):
    frame = files.series()

    format_, reading = read_bytes(MADE[name](frame), "cell.csv")

    assert format_.name == name
    assert reading.findings == ()
    for column, tolerance in (
        ("test_time_second", 1e-6),
        ("voltage_volt", 1e-6),
        ("current_ampere", 1e-6),
        ("unix_time_second", 0.5),
    ):
        if column in reading.frame.columns:
            ours = reading.frame[column].cast(pl.Float64).to_numpy()
            assert ours == pytest.approx(frame[column].to_numpy(), abs=tolerance), column
    assert reading.frame["cycle_count"].to_list() == frame["cycle_count"].to_list()
    if name != "battery_archive":  # which has no steps
        assert reading.frame["step_id"].to_list() == frame["step_id"].to_list()
        assert reading.frame["step_count"].to_list() == frame["step_count"].to_list()


@pytest.mark.parametrize("name", MADE)
def test_a_header_alone_holds_no_data_row(read_bytes, name):
    text = MADE[name](files.series())
    header = text.split("1\t1\t1", 1)[0] if name == "maccor_text" else text.split("\n")[0] + "\n"

    with pytest.raises(UnreadableFile, match="holds no data row"):
        read_bytes(header, "cell.csv")


@pytest.mark.parametrize("name", MADE)
def test_a_line_that_was_cut_off_is_left_out_and_told(read_bytes, codes, name):
    whole = MADE[name](files.series())

    _, reading = read_bytes(
        whole[: len(whole) - len(whole.rstrip().rsplit("\n", 1)[1]) // 2], "c.csv"
    )

    assert reading.is_partial
    assert "cut_off" in codes(reading)
    assert reading.frame.height == files.series().height - 1


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
@pytest.mark.parametrize("name", MADE)
def test_a_foreign_encoding_reads_the_same(read_bytes, name, encoding):
    text = MADE[name](files.series())

    plain = read_bytes(text, "a.csv")[1].frame
    other = read_bytes(text.encode(encoding), "b.csv")[1].frame

    assert other.equals(plain)


@pytest.mark.parametrize("name", ["gcpl.issue_149", "gcpl.issue_211", "mb.issue_95", "cp.issue_61"])
def test_biologics_binary_and_text_make_one_series(real_data, name):
    binary = read(present(real_data, f"{YADG}/{name}.mpr"))[1].frame
    text = read(present(real_data, f"{YADG}/{name}.mpt"))[1].frame

    for column in ("test_time_second", "voltage_volt", "unix_time_second"):
        np.testing.assert_allclose(binary[column], text[column], rtol=1e-6)
    # Where no current is stored it is made of charge and time, as EC-Lab does; a record
    # that shares its time with the one before has none.
    apart = binary["test_time_second"].diff().fill_null(0.0) > 0
    ours, theirs = (f["current_ampere"].filter(apart).to_numpy() for f in (binary, text))
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-4 * np.abs(theirs).max())


def test_biologics_half_cycles_hold_the_capacity_that_ec_lab_counted(real_data):
    path = present(real_data, f"{YADG}/gcpl.issue_211.mpt")
    from battery_db.lib import biologic

    counted = biologic.read(path).frame["Q charge/mA.h"]

    largest = max(halves(path))

    assert largest == pytest.approx(float(counted.max()) / 1000, rel=0.01)


def test_a_local_start_of_biologic_becomes_utc(real_data):
    path = present(real_data, f"{YADG}/gcpl.issue_149.mpr")

    frame = read(path, ReadContext(time_zone="Europe/Zurich"))[1].frame

    start = frame["unix_time_second"][0] - frame["test_time_second"][0]
    # 11:02:29.886 in January in Zurich.
    assert start == pytest.approx(
        datetime(2024, 1, 10, 10, 2, 29, 886000, tzinfo=UTC).timestamp(), abs=1e-3
    )


def test_arbins_database_and_its_workbook_hold_counters_that_agree(real_data):
    for name in (
        f"cycling-arbin/{CELLPY}/testdata/data/20160805_test001_45_cc_01.res",
        "cycling-arbin/be-smith__navani/Example_data/arbin_example.res",
        "cycling-arbin/be-smith__navani/Example_data/*.xlsx",
    ):
        _, reading = read(present(real_data, name))

        # Charge and discharge counters lie within 1 % of the integral of current.
        assert reading.findings == ()
        assert {"charging_capacity_ah", "unix_time_second"} <= set(reading.frame.columns)


def test_an_arbin_database_reads_its_temperatures_and_name(real_data):
    _, reading = read(present(real_data, f"cycling-arbin/{CELLPY}/testdata/data/aux_one_x_dx.res"))

    assert reading.metadata["Test_Name"] == "aux_one_x_dx"
    assert reading.frame["temperature_t1_celsius"][0] == pytest.approx(24.40658, abs=1e-4)


def test_a_gzipped_file_reads_as_what_it_holds(real_data):
    format_, reading = read(present(real_data, "cycling-arbin/**/mits7-0.res.gz"))

    assert format_.name == "arbin_res"
    assert reading.frame.height == 8


def test_maccors_discharges_are_negative_and_its_capacities_agree(real_data):
    path = present(real_data, f"cycling-maccor/{CELLPY}/examples/data/maccor_one.txt")

    format_, reading = read(path)

    frame = reading.frame
    assert (format_.name, reading.findings) == ("maccor_text", ())
    assert set(frame.filter(pl.col("step_type") == "discharge")["current_ampere"].sign()) == {-1.0}
    counted = frame.group_by("step_count").agg(pl.col("step_cumulative_capacity_ah").max())
    assert max(halves(path)) <= float(counted["step_cumulative_capacity_ah"].max()) * 1.01


def test_german_decimals_and_minutes_by_the_clock_in_maccors_text(real_data, codes):
    path = present(real_data, f"cycling-maccor/{CELLPY}/examples/data/maccor_two.txt")

    _, reading = read(path)

    # The file ends in mid-record, after the capacity of its last line.
    assert codes(reading) == ["unit_by_clock", "unit_by_clock", "damaged_records"]
    assert reading.is_partial
    assert reading.frame.height == 213
    assert reading.frame["test_time_second"][1] == 60
    assert reading.frame["voltage_volt"][0] == pytest.approx(0.1377)


def test_thousands_are_grouped_by_a_comma_before_a_point(real_data):
    path = present(real_data, "cycling-maccor/**/MACCOR_example.txt")
    units = {"current": "A", "voltage": "V", "capacity": "Ah", "energy": "Wh"}

    frame = read(path, ReadContext(units=units))[1].frame

    assert 1005.3806 in frame["test_time_second"].to_list()


def test_novonix_sections_follow_each_other(real_data):
    path = present(real_data, "cycling-other/BatLabLancaster__preparenovonix/**/example_data.csv")

    _, reading = read(path)

    assert reading.frame.height == 6699
    restart = reading.frame["test_time_second"][941]
    assert restart == reading.frame["test_time_second"][940] == pytest.approx(36377.2, abs=0.1)


def test_a_workbook_of_btsda_reads_its_record_sheet(real_data):
    path = present(real_data, "cycling-neware/UM-*/tests/data/neware/*.xlsx")

    format_, reading = read(path)

    assert (format_.name, reading.metadata["layout"]) == ("excel", "Neware records")
    assert reading.findings == ()
    # The step sheet's own number: 0.7859 Ah charged.
    assert halves(path) == [pytest.approx(0.7859, abs=1e-3)]


def test_an_old_workbook_of_bts_reads_its_detail_sheet(real_data):
    path = present(real_data, f"cycling-neware/{CELLPY}/testdata/data/custom_data_003.xls")

    # The cycle sheet's own numbers of cycle 1 and 2.
    assert halves(path, "discharge")[:2] == pytest.approx([3.52415e-3, 2.83325e-3], rel=0.01)


def test_lanhes_workbook_agrees_with_its_cycle_sheet(real_data):
    path = present(real_data, f"cycling-other/{CELLPY}/testdata/data/custom_data_002.xlsx")

    assert halves(path, "discharge")[:2] == pytest.approx([3.03312e-3, 2.55267e-3], rel=0.01)
    assert halves(path)[:2] == pytest.approx([2.74823e-3, 2.39283e-3], rel=0.01)


def test_a_chinese_step_sheet_keeps_the_charge_that_was_counted(real_data, codes):
    path = present(real_data, f"{PULSES}/ProcessingData Example/*/21Ah NMC/*.xlsx")

    _, reading = read(path)

    assert codes(reading) == ["steps_only"]
    assert reading.is_partial
    # 16.778 Ah in the CC-CV charge that comes first, though its current fell twentyfold.
    step = reading.frame.filter(pl.col("step_count") == 2)
    charge = np.trapezoid(step["current_ampere"], step["test_time_second"]) / 3600
    assert charge == pytest.approx(16.778, rel=1e-4)
    assert step["current_ampere"][-1] == pytest.approx(1.0472)
    assert (
        reading.frame["unix_time_second"][0]
        == datetime(2023, 12, 1, 9, 2, 56, 891000, tzinfo=UTC).timestamp()
    )


def test_pulses_that_were_only_recorded_at_their_flanks_are_told(real_data, codes):
    """1.7 A for 0.08 s and 0.1 A for the rest, recorded once each: the mean is not theirs."""
    path = present(real_data, "cycling-neware/**/2-1-6_61*.nda")

    _, reading = read(path)

    assert codes(reading) == ["cycles_counted", "capacity_undersampled", "energy_undersampled"]
    assert "0.299823 Ah counted, 0.900287 Ah integrated (200.3%)" in reading.findings[1].text


def test_current_without_a_unit_is_refused_with_the_way_to_declare_it(read_bytes):
    with pytest.raises(MissingUnit, match="'Current' can not be read: it names no unit") as refusal:
        read_bytes("Time (s),Current,Voltage (V)\n0,1,3.7\n1,1,3.7\n")

    assert "Declare the columns once for the folder" in refusal.value.fix


def test_a_declared_unit_is_used_where_the_header_has_none(read_bytes):
    text = "Time (s),Current,Voltage (V)\n0,100,3.7\n1,100,3.7\n"

    frame = read_bytes(text, units={"current": "mA"})[1].frame

    assert frame["current_ampere"].to_list() == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize(
    ("header", "volts", "amperes"),
    [
        ("Time (s),Current (mA),Voltage (mV)", 1e-3, 1e-3),
        ("Time (s),Current (µA),Voltage (V)", 1.0, 1e-6),
        ("Time (s),I /mA,E /V", 1.0, 1e-3),
        ("Time_s,Current_A,Voltage_V", 1.0, 1.0),
        ("Time(h),mAmps,Volts", 1.0, 1e-3),
        ("Time[min],Current[kA],Voltage[V]", 1.0, 1e3),
    ],
)
def test_units_are_those_of_the_header(read_bytes, header, volts, amperes):
    frame = read_bytes(f"{header}\n0,2,3\n1,2,3\n".encode("cp1252"))[1].frame

    assert frame["current_ampere"][0] == pytest.approx(2 * amperes)
    assert frame["voltage_volt"][0] == pytest.approx(3 * volts)


def test_an_archive_with_one_file_reads_as_that_file(tmp_path):
    import zipfile

    path = tmp_path / "cell.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cell.csv", files.arbin(files.series()))

    assert read(path)[0].name == "arbin_text"


def test_a_biologic_table_without_voltage_names_what_it_has(read_bytes):
    text = "EC-Lab ASCII FILE\nNb header lines : 3\nmode\ttime/s\tI/mA\n1\t0.5\t3.7\n1\t1.5\t3.7\n"

    with pytest.raises(MissingColumn, match=r"no voltage .* found: mode, time/s, I/mA"):
        read_bytes(text, "cell.mpt")
