"""Every real file is read, or refused with the reason given here."""

from pathlib import Path

import polars as pl
import pytest

from battery_db.lib.errors import LabError, UnknownFormat
from cycling.formats import ReadContext, read
from cycling.formats.base import MissingUnit

FOLDERS = ("neware", "biologic", "arbin", "maccor", "other")
# End of the path -> what the reason says. Everything else is read.
REFUSED = {
    "empty.ndax": "holds no record",
    "wait.mpr": "holds no record",
    "wait.mpt": "holds no record",
    ".mpl": "a log of settings",
    "_Metadata.csv": "time, voltage and current of every record can not be had",
    "_cycle_data.csv": "time, voltage and current of every record can not be had",
    "p492-13-summary.csv": "time, voltage and current of every record can not be had",
    ".h5": "an HDF5 file",
    ".feather": "an Arrow",
    ".mat": "a MATLAB file",
    ".pssession": "No reader recognises the content",
    "headerless.csv": "No reader recognises the content",
    "Test_Index.parquet": "no column that is known as",
    "ornl-testfile.xlsx": "No sheet has columns that are known",
    "sample_1/file.xlsx": "No sheet has columns that are known",
}
# Read as soon as a person has said once what their units are.
UNITS_ASKED = (
    "sample_data_maccor.csv",
    "MACCOR_example.txt",
    "sample_hppc_pulse.xlsx",
    "headered.csv",
    "preamble.csv",
)


def reason_for(path: Path) -> str | None:
    return next((why for end, why in REFUSED.items() if str(path).endswith(end)), None)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_read_or_refused_with_a_reason(real_data, folder):
    paths = [p for p in sorted((real_data / f"cycling-{folder}").glob("**/*")) if p.is_file()]
    if not paths:
        pytest.skip(f"absent: cycling-{folder}")

    for path in paths:
        error, rows = outcome(path)
        # The vendor's exports that serve as answers elsewhere name no unit of time.
        is_answer = folder == "neware" and path.suffix == ".parquet"
        why = reason_for(path)
        if why:
            assert error is not None, path
            assert why in error.message, path
        elif is_answer or path.name in UNITS_ASKED:
            assert isinstance(error, MissingUnit), path
        else:
            assert error is None, f"{path}: {error}"
            assert rows > 0, path
        assert error is None or error.fix, path


def outcome(path: Path) -> tuple[LabError | None, int]:
    try:
        frame = read(path, ReadContext(time_zone="Europe/Berlin"))[1].frame
    except LabError as error:
        return error, 0
    assert against_their_step(frame) == 0, path
    return None, frame.height


def against_their_step(frame: pl.DataFrame) -> int:
    """Records whose current has another sign than what the instrument calls their step."""
    if "step_type" not in frame.columns:
        return 0
    word, current = pl.col("step_type").cast(pl.String), pl.col("current_ampere")
    discharge = word.str.contains("discharge")
    charge = word.str.contains("charge") & ~discharge
    return frame.filter((discharge & (current > 0)) | (charge & (current < 0))).height


def test_a_declared_unit_reads_what_was_refused(real_data):
    path = real_data / "cycling-maccor/battery-lcf__batteryarchive-service/tests/test_data/cycle"
    path = path / "MACCOR_example/MACCOR_example.txt"
    if not path.exists():
        pytest.skip(f"absent: {path}")
    units = {"current": "A", "voltage": "V", "capacity": "Ah", "energy": "Wh"}

    format_, reading = read(path, ReadContext(units=units))

    assert format_.name == "maccor_text"
    assert reading.findings == ()
    assert reading.frame.height == 499
    assert reading.frame["current_ampere"].max() == pytest.approx(1.75, abs=0.01)


def test_a_file_that_no_reader_takes_says_what_it_is(tmp_path):
    path = tmp_path / "cycles.csv"
    path.write_text("Cycle,Charge capacity,CE\n1,2.0,0.99\n")

    with pytest.raises(UnknownFormat, match="its columns are 'Cycle', 'Charge capacity', 'CE'"):
        read(path)
