"""BioLogic's .mpr against the .mpt that EC-Lab exported of the same measurement."""

import struct
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from battery_db.lib import biologic
from battery_db.lib.errors import UnreadableFile

CYCLING = "cycling-biologic/dgbowl__yadg/tests/test_x_eclab"
EIS = "eis/dgbowl__yadg/tests/test_x_eclab"
PAIRS = [
    *(
        f"{CYCLING}/{name}"
        for name in (
            "bcd.issue_241", "ca.issue_149", "coc.issue_185", "cp", "cp.issue_61", "cv",
            "gcpl.issue_149", "gcpl.issue_211", "gcpl.issue_226.CxN", "gcpl.pr_182.1", "lsv",
            "lsv.issue_195", "mb.issue_223", "mb.issue_95", "ocv.issue_149",
        )
    ),
    *(f"{EIS}/{name}" for name in ("geis.issue_149", "peis.issue_149", "zir")),
]  # fmt: skip
# The text masks these where EC-Lab doubts them, and names power and energy of one electrode
# after it when the other was measured too.
MASKED = ("THD", "NSD", "NSR", " h")
RENAMED = {"Ewe/V", "P/W", "Energy charge/W.h", "Energy discharge/W.h"}


def present(real_data: Path, name: str) -> Path:
    path = real_data / name
    if not path.exists():
        pytest.skip(f"absent: {name}")
    return path


@pytest.mark.parametrize("name", PAIRS, ids=[Path(name).name for name in PAIRS])
def test_binary_and_text_of_one_measurement_agree(real_data, name):
    binary = biologic.read(present(real_data, f"{name}.mpr"))
    text = biologic.read(present(real_data, f"{name}.mpt"))

    shared = [column for column in binary.frame.columns if column in text.frame.columns]
    assert set(binary.frame.columns) - set(shared) <= RENAMED
    assert len(shared) >= 4
    assert binary.frame.height == text.frame.height
    assert not binary.unknown
    assert not binary.is_partial
    if text.technique:
        assert (binary.technique, binary.started_at) == (text.technique, text.started_at)
    for column in shared:
        if any(mark in column for mark in MASKED):
            continue
        # The text prints eight digits of single and sixteen of double precision.
        ours, theirs = binary.frame[column].to_numpy(), text.frame[column].to_numpy()
        np.testing.assert_allclose(
            ours, theirs, rtol=1e-7, atol=1e-7 * np.abs(theirs).max(), err_msg=column
        )


def test_german_decimals_read_as_english_ones(real_data):
    german = biologic.read(present(real_data, f"{CYCLING}/mb.issue_95.de.mpt"))
    english = biologic.read(present(real_data, f"{CYCLING}/mb.issue_95.mpt"))

    assert german.frame.equals(english.frame)
    assert german.started_at == english.started_at


def test_every_biologic_file_reads_or_says_that_it_holds_no_record(real_data):
    paths = sorted(real_data.glob("*/**/*.mp[rt]"))
    if not paths:
        pytest.skip("absent: *.mpr, *.mpt")

    for path in paths:
        if path.name.startswith("wait."):
            with pytest.raises(UnreadableFile, match="holds no record"):
                biologic.read(path)
        else:
            table = biologic.read(path)
            assert {"time/s", "freq/Hz"} & set(table.frame.columns)
            assert not table.unknown


def test_impedance_has_frequency_and_both_parts(real_data):
    frame = biologic.read(present(real_data, f"{EIS}/peis.issue_149.mpr")).frame

    z = frame["Re(Z)/Ohm"].to_numpy() - 1j * frame["-Im(Z)/Ohm"].to_numpy()
    assert np.abs(z) == pytest.approx(frame["|Z|/Ohm"].to_numpy(), rel=1e-6)
    assert frame["freq/Hz"][0] == pytest.approx(199998.14)


def test_moments_become_seconds_after_the_start(real_data):
    folder = "cycling-biologic/ImperialCollegeLondon__PyProBE/tests/sample_data/biologic"
    path = present(real_data, f"{folder}/Sample_data_biologic_timestamped.txt")

    table = biologic.read(path)

    assert table.started_at == datetime(2024, 11, 20, 11, 38, 41, 707000)
    assert table.frame["time/s"][0] == 0
    assert table.frame["time/s"][1] == pytest.approx(6.464, abs=1e-6)
    assert "Temperature/°C" in table.frame.columns


def made(numbers: list[int], records: bytes, count: int) -> bytes:
    """A binary file of the newest layout with one data module."""
    head = struct.pack("<IH", count, len(numbers)) + struct.pack(f"<{len(numbers)}H", *numbers)
    body = head.ljust(biologic.RECORDS_AT_NEW, b"\0") + records
    module = b"MODULE" + b"VMP data".ljust(10) + b"VMP data".ljust(25)
    module += struct.pack("<IIII", 0xFFFFFFFF, len(body), 0, 11) + b"01/02/24"
    return biologic.MAGIC.ljust(52) + module + body


def test_columns_around_one_of_unknown_width_are_read():
    record = struct.pack("<dfIff", 1.5, 3.7, 9, 2.0, 1000.0)
    data = made([4, 6, 999, 8, 32], record * 3, 3)

    table = biologic.read_mpr(data)

    assert table.unknown == (999,)
    assert table.frame.row(0, named=True) == pytest.approx(
        {"time/s": 1.5, "Ewe/V": 3.7, "I/mA": 2.0, "freq/Hz": 1000.0}
    )


def test_a_file_that_ends_early_gives_its_whole_records():
    data = made([4, 6], struct.pack("<df", 1.5, 3.7) * 10, 10)

    table = biologic.read_mpr(data[:-20])

    assert table.is_partial
    assert table.frame.height == 8


def test_a_header_that_promises_billions_of_records_is_refused():
    with pytest.raises(UnreadableFile, match="at most 100 are read"):
        biologic.read_mpr(made([4, 6], b"", 4_000_000_000), max_rows=100)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (biologic.MAGIC, "no 'VMP data' module"),
        (made([4, 6], b"1234567", 1), "expected to have 12"),
        (made([4, 6], b"", 1)[:400], "can not be read; known are versions"),
    ],
)
def test_damage_names_what_was_found(data, message):
    with pytest.raises(UnreadableFile, match=message):
        biologic.read_mpr(data)


def test_an_unfinished_last_line_is_left_out():
    text = "EC-Lab ASCII FILE\nNb header lines : 3\nmode\ttime/s\tEwe/V\n1\t0.5\t3.7\n1\t1.5\t3."

    table = biologic.read_mpt(text.encode())

    assert table.is_partial
    assert table.frame["Ewe/V"].to_list() == [3.7]
