"""Damaged files of every format end in an error for people or in a sound series.

FUZZ_SEED and FUZZ_COUNT in the environment try others than the 200 of every run.
"""

import os
import random
import time
from pathlib import Path

import polars as pl
import pytest

from battery_db.lib.errors import LabError
from battery_db.lib.series import COLUMNS, REQUIRED, standardise
from cycling.formats import FORMATS, ReadContext, read
from tests.cycling.formats import files

MUTATIONS = 200
# One small file takes milliseconds; a mutation must not make it a denial of service.
SLOWEST_SECONDS = 5.0
BINARIES = {
    "neware_ndax": "cycling-neware/EmpaEconversion__fastnda/tests/test_data/21_10_7_85.ndax",
    "neware_nda": "cycling-neware/d-cogswell__NewareNDA/tests/v_8_22_26/nda/nda_v8.nda",
}
TEXTS = {
    "neware_nested_text": (files.nested, "cell.txt"),
    "neware_separate_text": (files.separate, "cell.txt"),
    "neware_flat_text": (files.flat, "cell.csv"),
    "bdf_csv": (files.bdf, "cell.bdf.csv"),
}


def sample(name: str, request: pytest.FixtureRequest, folder: Path) -> tuple[bytes, str]:
    if name in TEXTS:
        write, file_name = TEXTS[name]
        return write(files.series()).encode(), file_name
    if name == "bdf_parquet":
        path = folder / "made.parquet"
        files.series().write_parquet(path)
        return path.read_bytes(), "cell.bdf.parquet"
    path = request.getfixturevalue("real_data") / BINARIES[name]
    if not path.exists():
        pytest.skip(f"absent: {path}")
    return path.read_bytes(), path.name


def mutate(content: bytes, random_: random.Random) -> bytes:
    """One to four of: flip, cut, repeat, drop, insert, swap."""
    data = bytearray(content)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(max(1, len(data)))
        length = random_.choice([1, 2, 8, 100, 1000])
        match random_.randrange(7):
            case 0:
                data[at : at + 1] = bytes([random_.randrange(256)])
            case 1:
                del data[at:]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                del data[at : at + length]
            case 4:
                data[at:at] = random_.choice(
                    [b"\0" * length, b"\n", b"\t", b",,,,", b'"', b"-1e308", b"\xff\xfe", b"9" * 40]
                )
            case 5:
                data[at : at + length] = random_.randbytes(length)
            case 6:
                other = random_.randrange(max(1, len(data)))
                data[at : at + length] = data[other : other + length]
    return bytes(data)


@pytest.mark.parametrize("name", [format_.name for format_ in FORMATS])
def test_damage_ends_in_an_error_for_people_or_a_sound_series(name, request, tmp_path):
    content, file_name = sample(name, request, tmp_path)
    random_ = random.Random(f"{name} {os.environ.get('FUZZ_SEED', '1')}")
    path = tmp_path / file_name
    outcomes = {"read": 0, "refused": 0}
    # The first read loads libraries, which takes seconds on a busy machine.
    path.write_bytes(content)
    assert_sound(read(path)[1].frame)

    for number in range(int(os.environ.get("FUZZ_COUNT", MUTATIONS))):
        path.write_bytes(mutate(content, random_))
        began = time.perf_counter()
        try:
            _, reading = read(path, ReadContext(time_zone="Europe/Berlin"))
        except LabError as error:
            outcomes["refused"] += 1
            said = [error.message, error.fix]
        else:
            outcomes["read"] += 1
            said = [finding.text for finding in reading.findings]
            assert_sound(reading.frame)
        assert all(text and text.isprintable() for text in said), number
        assert time.perf_counter() - began < SLOWEST_SECONDS, number

    assert all(outcomes.values()), outcomes


def assert_sound(frame: pl.DataFrame) -> None:
    assert standardise(frame).equals(frame)
    assert set(REQUIRED) <= set(frame.columns) <= set(COLUMNS)
    assert frame.select(pl.col(*REQUIRED).is_finite().all()).row(0) == (True, True, True)
    assert (frame["test_time_second"].diff().drop_nulls() >= 0).all()
    if "step_count" in frame.columns:
        assert (frame["step_count"].diff().drop_nulls() >= 0).all()
