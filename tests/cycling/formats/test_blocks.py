"""Reading by blocks gives what reading the whole file gives, or is not done at all."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from battery_db.lib.series import narrow
from cycling.formats import ReadContext, neware_blocks, neware_text, recognise
from cycling.formats.blocks import Odd
from cycling.formats.clocks import seconds_of
from cycling.formats.digits import durations
from tests.cycling.formats import files

READERS = {
    "neware_nested_text": (neware_blocks.read_nested, neware_text.read_nested),
    "neware_flat_text": (neware_blocks.read_flat, neware_text.read_flat),
}
WRITERS = [(files.nested, READERS["neware_nested_text"]), (files.flat, READERS["neware_flat_text"])]


def assert_same_reading(path: Path, readers: tuple, zone: str = "Europe/Berlin") -> None:
    by_blocks, whole = (read(path, ReadContext(time_zone=zone)) for read in readers)

    assert_frame_equal(
        by_blocks.frame, narrow(whole.frame), check_exact=True, categorical_as_str=True
    )
    assert by_blocks.findings == whole.findings
    assert by_blocks.metadata == whole.metadata
    assert by_blocks.is_partial == whole.is_partial


@pytest.mark.parametrize(("write", "readers"), WRITERS)
@pytest.mark.parametrize("size", [300, 1000, 2_000_000])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_blocks_of_any_size_make_the_same_series(
    tmp_path, monkeypatch, write, readers, size, ending
):
    monkeypatch.setattr(neware_blocks, "BLOCK_BYTES", size)
    path = tmp_path / "file.txt"
    path.write_bytes(write(files.series(8)).replace("\n", ending).encode())

    assert_same_reading(path, readers)


@pytest.mark.parametrize("size", [3000, 4_000_000])
def test_real_exports_read_the_same_by_blocks(real_data, monkeypatch, size):
    monkeypatch.setattr(neware_blocks, "BLOCK_BYTES", size)
    seen = 0
    for path in sorted(real_data.glob("cycling-neware/**/*.*")):
        if path.suffix.lower() not in {".csv", ".txt"} or path.stat().st_size > 4_000_000:
            continue
        readers = READERS.get(recognise(path).name)
        if readers is not None:
            assert_same_reading(path, readers)
            seen += 1

    assert seen


@pytest.mark.parametrize(("write", "readers"), WRITERS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("3700.0", "3700,0", 1),
        lambda text: text.removesuffix("\n"),
        lambda text: text + "\0\0",
        lambda text: text.replace("22:13:20", "25:13:20", 1),
        lambda text: text.replace("\n", "\r", 1),
    ],
    ids=["comma", "no last line end", "nul tail", "no time of day", "old line ends"],
)
def test_what_is_odd_is_left_to_the_reader_of_whole_files(tmp_path, write, readers, spoil):
    text = write(files.series())
    path = tmp_path / "file.txt"
    path.write_text(spoil(text), newline="")

    assert spoil(text) != text
    with pytest.raises(Odd):
        readers[0](path, ReadContext())


def test_a_repeated_hour_is_odd(tmp_path):
    frame = files.series().with_columns(unix_time_second=pl.col("unix_time_second") - 1.7e9)
    # Clocks were set back in Berlin at three o'clock on 29 October 2023.
    frame = frame.with_columns(unix_time_second=pl.col("unix_time_second") + 1_698_544_800)
    path = tmp_path / "file.txt"
    path.write_text(files.flat(frame))

    with pytest.raises(Odd):
        neware_blocks.read_flat(path, ReadContext(time_zone="Europe/Berlin"))


def test_more_rows_than_allowed_are_odd(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text(files.flat(files.series()))

    with pytest.raises(Odd):
        neware_blocks.read_flat(path, ReadContext(max_rows=100))


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50), st.integers(0, 8), st.booleans())
def test_durations_by_their_digits_are_those_of_the_parser(seconds, decimals, padded):
    texts = [
        f"{second // 3600:{'02' if padded else ''}d}:{second // 60 % 60:02d}:{second % 60:02d}"
        + (f".{second % 10**decimals:0{decimals}d}" if decimals else "")
        for second in seconds
    ]
    column = pl.Series("time", texts)
    by_parser = seconds_of(pl.Series("time", [*texts, None])).head(len(texts))

    found = durations(column)

    assert found is not None
    assert found.to_list() == by_parser.to_list()


@pytest.mark.parametrize(
    "odd",
    ["1:2:03", "0:00:0x", "0:00:00,5", "0-00:00", "", "0:00", "x:00:00", "-1:00:00", "0:0:000",
     "0:00:00.12", "123456789:00:00", "00:00:00:"],
)  # fmt: skip
def test_a_single_odd_duration_is_for_the_parser(odd):
    assert durations(pl.Series(["0:00:01", "0:00:02"])) is not None
    assert durations(pl.Series(["0:00:01", odd])) is None
    assert durations(pl.Series([odd, "0:00:01"])) is None
