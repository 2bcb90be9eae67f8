"""Readers against files of real instruments and the vendor's own exports of them."""

import contextlib
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest

from battery_db.lib.errors import LabError, UnreadableFile
from cycling.formats import ReadContext, read

FASTNDA = "cycling-neware/EmpaEconversion__fastnda/tests/test_data"
NEWARENDA = "cycling-neware/d-cogswell__NewareNDA/tests"
BDF = "battery-data-alliance__battery-data-format/docs/examples/reference"
# (file, the vendor's export, hours that the exporting computer was ahead of UTC,
#  whether the export shows the cycle numbers of the file rather than counted ones)
PAIRS = [
    (f"{FASTNDA}/interp-test.ndax", f"{FASTNDA}/interp-test.parquet", 1, True),
    (f"{FASTNDA}/interp-test.csv", f"{FASTNDA}/interp-test.parquet", None, True),
    (f"{FASTNDA}/21_10_7_85.ndax", f"{FASTNDA}/21_10_7_85.parquet", 1, True),
    (f"{FASTNDA}/scrubbed_ndc2.ndax", f"{FASTNDA}/scrubbed_ndc2.parquet", 0, True),
    (f"{FASTNDA}/nda8.nda.zip", f"{FASTNDA}/nda8.parquet", 1, True),
    (f"{FASTNDA}/nda_v22.nda.zip", f"{FASTNDA}/nda_v22.parquet", 1, True),
    (f"{FASTNDA}/nda_v23.nda.zip", f"{FASTNDA}/nda_v23.parquet", 1, True),
    (
        f"{NEWARENDA}/nda/github/Issue5/test_2.ndax",
        f"{NEWARENDA}/reference_btsda/test_2.parquet",
        1,
        False,
    ),
    (
        f"{NEWARENDA}/nda/github/Issue72/TestFile.nda",
        f"{NEWARENDA}/reference_btsda/TestFile.parquet",
        2,
        True,
    ),
    (
        f"{NEWARENDA}/nda/github/Issue94/123456789012_Unit27_Example_Data_File.ndax",
        f"{NEWARENDA}/reference_btsda/123456789012_Unit27_Example_Data_File.parquet",
        0,
        True,
    ),
    (
        f"{NEWARENDA}/nda/neware_reader/new_nda_file.nda",
        f"{NEWARENDA}/reference_btsda/new_nda_file.parquet",
        0,
        True,
    ),
]


def present(real_data: Path, name: str) -> Path:
    path = real_data / name
    if not path.exists():
        pytest.skip(f"absent: {name}")
    return path


def unzipped(path: Path, folder: Path) -> Path:
    if path.suffix != ".zip":
        return path
    with zipfile.ZipFile(path) as archive:
        return Path(archive.extract(archive.namelist()[0], folder))


@pytest.mark.parametrize(
    ("name", "key", "hours", "same_cycles"), PAIRS, ids=[Path(pair[0]).name for pair in PAIRS]
)
def test_readers_agree_with_the_vendors_export(real_data, tmp_path, name, key, hours, same_cycles):
    path = unzipped(present(real_data, name), tmp_path)
    expected = pl.read_parquet(present(real_data, key))

    frame = read(path)[1].frame

    # BTSDA prints 0.1 mV, so half of that is the most that rounding can differ by.
    assert frame.height == expected.height
    volts = expected["Voltage(mV)"].cast(pl.Float64) / 1000
    assert (frame["voltage_volt"].cast(pl.Float64) - volts).abs().max() < 0.051e-3
    amperes = expected["Current(uA)"].cast(pl.Float64) / 1e6
    assert (frame["current_ampere"].cast(pl.Float64) - amperes).abs().max() < 0.6e-6
    assert (frame["test_time_second"] - expected["Total Time"]).abs().max() < 1.5e-3
    assert frame["step_id"].to_list() == expected["Step Index"].to_list()
    if same_cycles:
        assert frame["cycle_count"].to_list() == expected["Cycle Index"].to_list()
    if hours is not None:
        # The export shows the wall clock of the computer that made it.
        shown = expected["Date"].cast(pl.Datetime("ms")).dt.timestamp("ms") / 1000
        assert (frame["unix_time_second"] + hours * 3600 - shown).abs().max() < 2e-3


@pytest.mark.filterwarnings("ignore")  # of its pandas calls; it is only read against
def test_newarenda_reads_the_same_numbers(real_data):
    newarenda = pytest.importorskip("NewareNDA")
    path = present(real_data, f"{NEWARENDA}/nda/neware_reader/new_nda_file.nda")

    frame = read(path)[1].frame
    other = newarenda.read(str(path), log_level="CRITICAL")

    assert frame.height == len(other)
    assert frame["voltage_volt"].to_list() == pytest.approx(list(other["Voltage"]), abs=5e-5)
    assert frame["current_ampere"].to_list() == pytest.approx(
        list(other["Current(mA)"] / 1000), abs=1e-8
    )


def test_a_nested_csv_of_btsda_reads_whole(real_data):
    path = present(
        real_data, "cycling-neware/jepegit__cellpy/testdata/data/nw_regular_export_ife_example.csv"
    )

    format_, reading = read(path, ReadContext(time_zone="Europe/Oslo"))

    frame = reading.frame
    assert format_.name == "neware_nested_text"
    assert reading.findings == ()
    assert frame["record_index"].to_list() == list(range(1, 9296))
    assert frame["test_time_second"][-1] == 27 * 3600 + 55 * 60 + 43
    # The export's own cycle line: 0.32780 Ah charged in cycle 2, 0.33172 Ah discharged.
    second = frame.filter(pl.col("cycle_count") == 2)
    largest = second.group_by("step_type").agg(pl.col("step_cumulative_capacity_ah").max())
    found = dict(largest.with_columns(pl.col("step_type").cast(pl.String)).iter_rows())
    assert found["cc_charge"] == pytest.approx(0.32780, abs=1e-5)
    assert found["cc_discharge"] == pytest.approx(0.33172, abs=1e-5)
    # 2026-03-06 12:37:25 in Oslo is 11:37:25 UTC.
    assert frame["unix_time_second"][0] == 1772797045


def test_a_bdf_file_with_a_time_bug_is_imported_with_a_finding(real_data):
    name = "SINTEF__SLPBA842124HV__2024-10-23__Rate_25degC__Neware__Time_Bug.bdf.csv"

    _, reading = read(present(real_data, f"cycling-neware/{BDF}/{name}"))

    assert "time_fell" in [finding.code for finding in reading.findings]
    assert reading.frame["test_time_second"].diff().min() >= 0
    assert reading.frame["test_time_second"][-1] == 125628.17


def test_a_bdf_file_without_signs_says_so(real_data):
    name = "faraday__lg-INR21700M50-2019-002__2019-06-02__rate__25degC__maccor.bdf.csv"

    _, reading = read(present(real_data, f"cycling-maccor/{BDF}/{name}"))

    assert [finding.code for finding in reading.findings] == ["current_unsigned"]
    assert reading.frame.height == 6313


def test_an_empty_ndax_is_unreadable_and_says_why(real_data):
    with pytest.raises(UnreadableFile, match="holds no record"):
        read(present(real_data, f"{FASTNDA}/empty.ndax"))


def test_a_corrupt_ndax_gives_what_is_sound_and_says_what_is_not(real_data):
    _, reading = read(present(real_data, f"{FASTNDA}/Unit27_Example_Corrupt.ndax"))

    assert reading.is_partial
    assert [finding.code for finding in reading.findings] == ["auxiliary_unreadable"]
    assert reading.frame.height == 301


def test_every_neware_binary_reads_quietly(real_data, capfd, caplog):
    for path in sorted((real_data / "cycling-neware").glob("**/*.nda*")):
        if path.suffix == ".zip" or path.name == "empty.ndax":
            continue

        format_, reading = read(path)

        assert format_.name in {"neware_nda", "neware_ndax"}
        assert reading.frame["voltage_volt"].is_between(-5, 10).all()
        assert reading.frame["step_count"].diff().drop_nulls().is_in([0, 1]).all()
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_files_of_other_instruments_are_not_taken_for_cycling(real_data):
    """Impedance files of BioLogic and tables with units hold voltage, current and time too."""
    shared = {"biologic_mpr", "biologic_mpt", "excel"}
    for folder in ("eis", "ftir", "cycle-life", "electrolyte-composition"):
        for path in sorted((real_data / folder).glob("**/*")):
            if not path.is_file() or not path.stat().st_size:
                continue
            try:
                format_, _ = read(path)
            except LabError:
                continue
            assert format_.name in shared, path


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9, 0.999])
def test_a_truncated_ndax_is_read_in_part_or_refused_with_what_was_found(
    real_data, tmp_path, share
):
    source = present(real_data, f"{NEWARENDA}/nda/github/Issue5/test_2.ndax")
    data = source.read_bytes()
    path = tmp_path / "cut.ndax"
    path.write_bytes(data[: int(len(data) * share)])
    whole = read(source)[1].frame

    with contextlib.suppress(UnreadableFile):
        _, reading = read(path)
        assert reading.is_partial
        assert reading.frame["voltage_volt"].equals(whole["voltage_volt"][: reading.frame.height])
        return
    with pytest.raises(UnreadableFile, match="found: "):
        read(path)


def test_an_ndax_without_its_table_of_contents_is_read_from_its_front(real_data, tmp_path):
    source = present(real_data, f"{FASTNDA}/scrubbed_ndc2.ndax")
    data = source.read_bytes()
    path = tmp_path / "cut.ndax"
    path.write_bytes(data[: data.index(b"PK\x01\x02")])

    _, reading = read(path)

    assert reading.is_partial
    assert "cut_off" in [finding.code for finding in reading.findings]
    assert reading.frame.height == 28


@pytest.mark.parametrize(
    "name",
    [
        f"{FASTNDA}/nda_v22.nda.zip",
        f"{NEWARENDA}/nda/neware_reader/new_nda_file.nda",
        f"{NEWARENDA}/nda/github/Issue72/TestFile.nda",
    ],
)
def test_a_truncated_nda_gives_its_leading_records(real_data, tmp_path, name):
    source = unzipped(present(real_data, name), tmp_path)
    data = source.read_bytes()
    whole = read(source)[1].frame
    path = tmp_path / "cut.nda"
    path.write_bytes(data[: int(len(data) * 0.9)])

    _, reading = read(path)

    assert reading.is_partial
    assert "cut_off" in [finding.code for finding in reading.findings]
    assert 0.5 * whole.height < reading.frame.height < whole.height
    assert reading.frame["voltage_volt"].equals(whole["voltage_volt"][: reading.frame.height])


def test_a_file_with_another_ending_is_known_by_its_content(real_data, tmp_path):
    source = present(real_data, f"{FASTNDA}/interp-test.ndax")
    shutil.copy(source, tmp_path / "test.zip")

    assert read(tmp_path / "test.zip")[0].name == "neware_ndax"
