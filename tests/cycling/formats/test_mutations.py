"""Damaged files of every format end in an error for people or in a sound series.

FUZZ_SEED and FUZZ_COUNT in the environment try others than the 100 of every run;
``make fuzz`` tries 2,000 of each.
"""

import gzip
import os
import random
import resource
import time
from pathlib import Path

import polars as pl
import pytest

from battery_db.lib.errors import LabError
from battery_db.lib.series import COLUMNS, REQUIRED, standardise
from cycling.formats import FORMATS, ReadContext, read
from tests.cycling.formats import files

MUTATIONS = 100
# One small file takes milliseconds; a mutation must not make it a denial of service.
SLOWEST_SECONDS = 5.0
# Nor may a size that the file only claims be set aside for it.
MOST_MEMORY_BYTES = 512 * 1024**2
ENCODINGS = ("utf-16", "utf-16-be", "cp1252", "gb18030", "utf-8-sig")
BIOLOGIC = "cycling-biologic/dgbowl__yadg/tests/test_x_eclab"
BDF = "battery-data-alliance__battery-data-format/tests/data"
REAL = {
    "neware_ndax": "cycling-neware/EmpaEconversion__fastnda/tests/test_data/21_10_7_85.ndax",
    "neware_nda": "cycling-neware/d-cogswell__NewareNDA/tests/v_8_22_26/nda/nda_v8.nda",
    "biologic_mpr": f"{BIOLOGIC}/gcpl.issue_149.mpr",
    "biologic_mpt": f"{BIOLOGIC}/mb.issue_95.de.mpt",
    "arbin_res": f"cycling-arbin/{BDF}/res/mits7-0.res.gz",
    "excel": f"cycling-neware/{BDF}/neware/sample_data_neware.xlsx",
    "novonix": f"cycling-other/{BDF}/novonix/sample_data_novonix.csv",
    "basytec": "cycling-other/ImperialCollegeLondon__PyProBE/tests/sample_data/basytec/sample_data_basytec.txt",
    "pec": "cycling-other/jepegit__cellpy/testdata/data/pec_multiple_tests/Test25195.csv",
    "vdf": "cycling-neware/UM-Battery-Control-Group__BatteryABN/tests/data/neware_vdf/GMJuly2022_CELL002_Test3_1_P0C_5P0PSI_20221021_R0_CH041.csv",
}
TEXTS = {
    "neware_nested_text": (files.nested, "cell.txt"),
    "neware_separate_text": (files.separate, "cell.txt"),
    "neware_flat_text": (files.flat, "cell.csv"),
    "bdf_csv": (files.bdf, "cell.bdf.csv"),
    "maccor_text": (files.maccor, "cell.txt"),
    "arbin_text": (files.arbin, "cell.csv"),
    "battery_archive": (files.battery_archive, "cell.csv"),
    "landt": (files.landt, "cell.txt"),
    "labelled_text": (files.labelled, "cell.csv"),
    "declared": (files.unlabelled, "cell.csv"),
}
PARQUET = {"bdf_parquet": "cell.bdf.parquet", "labelled_parquet": "cell.parquet"}


def context_of(name: str) -> ReadContext:
    declared = (files.DECLARATION,) if name == "declared" else ()
    return ReadContext(time_zone="Europe/Berlin", declared=declared)


def sample(name: str, request: pytest.FixtureRequest, folder: Path) -> tuple[bytes, str]:
    if name in TEXTS:
        write, file_name = TEXTS[name]
        return write(files.series()).encode(), file_name
    if name in PARQUET:
        path = folder / "made.parquet"
        table = files.series() if name == "bdf_parquet" else files.labelled_table(files.series())
        table.write_parquet(path)
        return path.read_bytes(), PARQUET[name]
    path = request.getfixturevalue("real_data") / REAL[name]
    if not path.exists():
        pytest.skip(f"absent: {path}")
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()), path.stem
    return path.read_bytes(), path.name


def mutate(content: bytes, random_: random.Random) -> bytes:
    """One to four of: flip, cut, repeat, drop, insert, scramble, swap, recode, lie of a size."""
    for _ in range(random_.randint(1, 4)):
        content = random_.choice(MUTATORS)(content, random_)
    return content


def replace(content: bytes, random_: random.Random) -> bytes:
    """Some bytes in the place of others, at one spot."""
    at = random_.randrange(max(1, len(content)))
    length = random_.choice([1, 2, 8, 100, 1000])
    here = content[at : at + length]
    other = random_.randrange(max(1, len(content)))
    inserted = [b"\0" * length, b"\n", b"\t", b",,,,", b'"', b"-1e308", b"\xff\xfe", b"9" * 40]
    old, new = random_.choice(
        [
            (1, bytes([random_.randrange(256)])),
            (0, here),
            (length, b""),
            (0, random_.choice(inserted)),
            (length, random_.randbytes(length)),
            (length, content[other : other + length]),
        ]
    )
    return content[:at] + new + content[at + old :]


def cut(content: bytes, random_: random.Random) -> bytes:
    return content[: random_.randrange(max(1, len(content)))]


def recode(content: bytes, random_: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(random_.choice(ENCODINGS), "replace")


def lie(content: bytes, random_: random.Random) -> bytes:
    """A size of 2 or 4 GB where a header may have had one."""
    at = random_.randrange(max(1, min(len(content), 4096)))
    size = random_.choice([b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\x80"])
    return content[:at] + size + content[at + 4 :]


def swap_columns(data: bytes, random_: random.Random) -> bytes:
    """Every line with two of its cells exchanged, as in a table someone has edited."""
    mark = b"\t" if data.count(b"\t") > data.count(b",") else b","
    lines = data.split(b"\n")
    width = max((line.count(mark) for line in lines[:50]), default=0)
    if width < 1 or b"\0" in data[:1000]:
        return data
    one, other = random_.randrange(width + 1), random_.randrange(width + 1)
    for place, line in enumerate(lines):
        cells = line.split(mark)
        if max(one, other) < len(cells):
            cells[one], cells[other] = cells[other], cells[one]
            lines[place] = mark.join(cells)
    return b"\n".join(lines)


MUTATORS = (*[replace] * 6, cut, recode, lie, swap_columns)


@pytest.mark.parametrize("name", [format_.name for format_ in FORMATS])
def test_damage_ends_in_an_error_for_people_or_a_sound_series(name, request, tmp_path):
    content, file_name = sample(name, request, tmp_path)
    random_ = random.Random(f"{name} {os.environ.get('FUZZ_SEED', '1')}")
    path = tmp_path / file_name
    outcomes = {"read": 0, "noticed": 0}
    # The first read loads libraries, which takes seconds on a busy machine.
    path.write_bytes(content)
    _, whole = read(path, context_of(name))
    assert_sound(whole.frame)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for number in range(int(os.environ.get("FUZZ_COUNT", MUTATIONS))):
        path.write_bytes(mutate(content, random_))
        began = time.perf_counter()
        try:
            _, reading = read(path, context_of(name))
        except LabError as error:
            outcomes["noticed"] += 1
            said = [error.message, error.fix]
        else:
            outcomes["read"] += 1
            outcomes["noticed"] += len(reading.findings) > len(whole.findings)
            said = [finding.text for finding in reading.findings]
            assert_sound(reading.frame)
        assert all(text and text.isprintable() for text in said), number
        assert time.perf_counter() - began < SLOWEST_SECONDS, number

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert grown * 1024 < MOST_MEMORY_BYTES
    assert all(outcomes.values()), outcomes


def assert_sound(frame: pl.DataFrame) -> None:
    assert standardise(frame).equals(frame)
    assert set(REQUIRED) <= set(frame.columns) <= set(COLUMNS)
    assert frame.select(pl.col(*REQUIRED).is_finite().all()).row(0) == (True, True, True)
    assert (frame["test_time_second"].diff().drop_nulls() >= 0).all()
    if "step_count" in frame.columns:
        assert (frame["step_count"].diff().drop_nulls() >= 0).all()
