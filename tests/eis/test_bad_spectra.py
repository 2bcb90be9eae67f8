"""Input that goes wrong in laboratories: each spectrum has a clear outcome, and the batch goes on.

Each case is a file, what its reader makes of it, and what the import and the fit keep of it,
beside a good file in the same jobs.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from cells.models import Folder
from eis import formats
from eis.models import CircuitFit, ImpedanceFile, ImpedanceSpectrum
from tests.eis.lab import CIRCUIT, FREQUENCY, add_file, eis_text, impedance
from tests.eis.test_jobs import import_and_fit

HEAD = "Frequency/Hz,Z'/Ohm,Z''/Ohm"
ROWS = [line.split(",") for line in eis_text().decode().splitlines()[1:]]
TRUTH = {"R0": 0.02, "ZARC1_R": 0.05, "ZARC1_fc": 10.0}


def text(rows, head: str = HEAD) -> str:
    return "\n".join([head, *(",".join(map(str, row)) for row in rows), ""])


def in_unit(size: float) -> list[list[str]]:
    return [[f, repr(float(a) / size), repr(float(b) / size)] for f, a, b in ROWS]


def shuffled() -> list[list[str]]:
    return [ROWS[place] for place in np.random.default_rng(1).permutation(len(ROWS))]


def with_rows(*odd: list[str]) -> list[list[str]]:
    return [*ROWS[:20], *odd, *ROWS[20:]]


@dataclass(frozen=True)
class Case:
    """``points`` of each spectrum, or why there is none; then what is told beside them."""

    name: str
    content: str
    points: tuple[int, ...] = ()
    error: str = ""
    told: str = ""  # code of a finding
    refused: str = ""  # words of the reason why a part is left out
    fit: str = "fitted"
    reason: str = ""


N = len(FREQUENCY)
CASES = [
    Case("each frequency twice", text(row for row in ROWS for _ in (0, 1)), (2 * N,),
         told="repeated"),
    Case("unsorted", text(shuffled()), (N,), told="unsorted"),
    Case("rising", text(ROWS[::-1]), (N,)),
    Case("zeros", text(with_rows(["0", "0", "0"], ["16", "0", "0"], ["0", "1", "1"])), (N,),
         told="points_dropped"),
    Case("no numbers", text([[f, "NaN" if i % 10 == 3 else a, b]
                             for i, (f, a, b) in enumerate(ROWS)]), (N - 4,),
         told="points_dropped"),
    Case("infinities", text([[f, "inf" if i == 5 else a, b] for i, (f, a, b) in enumerate(ROWS)]),
         (N - 1,), told="points_dropped"),
    Case("nothing but zeros", text([[f, "0", "0"] for f, _, _ in ROWS]),
         error="0 usable points"),
    Case("three points", text(ROWS[::15]), (3,), fit="failed", reason="at least 5 points"),
    Case("two points", text([*ROWS[:2], ["nan", "nan", "nan"]]), error="at least 3 are needed"),
    Case("one frequency", text([["1000", a, b] for _, a, b in ROWS]),
         error="different frequencies"),
    Case("a good sweep and a stump", text([*ROWS, ["x", "y", "z"], *ROWS[:2], ["nan"] * 3]),
         (N,), refused="at least 3 are needed"),
    Case("a time series", text([[i, 3.7, 0.1] for i in range(40)], "Time/s,Voltage/V,Current/A"),
         error="time series"),
    Case("a time series without a header",
         "\n".join(f"{i} {3.7 + i / 1e3} 0.1" for i in range(40)), error="even steps"),
    Case("ohm and milliohm in one table",
         text([[f, repr(float(a) * 1e3), b] for f, a, b in ROWS], "Frequency/Hz,Z'/mOhm,Z''/Ohm"),
         (N,)),
    Case("ohm, then milliohm",
         text(ROWS) + text(in_unit(1e-3), "Frequency/Hz,Z'/mOhm,Z''/mOhm"), (N, N),
         told="mixed_units"),
    Case("hertz, then radians per second",
         text(ROWS) + text([[repr(float(f) * 2 * np.pi), a, b] for f, a, b in ROWS],
                           "Frequency/rad s-1,Z'/Ohm,Z''/Ohm"), (N, N), told="mixed_units"),
    Case("a unit that nobody knows", text(ROWS, "Frequency/Hz,Z'/furlong,Z''/furlong"),
         error="unit is not known"),
    Case("far too large", text([[f, f"{float(a) * 1e18!r}", f"{float(b) * 1e18!r}"]
                                for f, a, b in ROWS]), (N,), fit="failed",
         reason="Check the columns and their units"),
]  # fmt: skip


def write(folder, name: str, content: str):
    path = folder / name
    path.write_text(content)
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_reader_says_what_it_made_of_it(case, tmp_path):
    path = write(tmp_path, "case.csv", case.content)

    if case.error:
        with pytest.raises(LabError, match=case.error) as caught:
            formats.read(path)
        assert caught.value.fix
        return
    _, reading = formats.read(path)

    assert tuple(len(spectrum) for spectrum in reading.spectra) == case.points
    codes = {finding.code for finding in reading.findings}
    codes |= {found["code"] for s in reading.spectra for found in s.metadata["findings"]}
    assert case.told in codes | {""}
    assert case.refused in "; ".join(why for _, why in reading.refused)


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_job_keeps_it_and_the_good_file_beside_it_is_fitted(case, tmp_path, settings):
    settings.EIS_CIRCUIT = CIRCUIT
    (tmp_path / "eis").mkdir()
    folder = Folder.objects.create(name="Potentiostat", path=str(tmp_path / "eis"))
    bad = add_file(folder, "bad.csv", case.content.encode())
    good = add_file(folder, "good.csv", eis_text(), cell_id=10002)

    import_and_fit(bad, good)

    assert CircuitFit.objects.get(spectrum__source__file=good).status == "fitted"
    source = ImpedanceFile.objects.get(file=bad)
    assert case.error in source.error
    assert case.refused in str(source.refused)
    assert (source.status == "failed") == bool(case.error)
    fits = CircuitFit.objects.filter(spectrum__source=source)
    assert [fit.status for fit in fits] == [case.fit] * len(case.points)
    for fit in fits:
        assert case.reason in fit.reason
        found = {name: fit.parameters[name]["value"] for name in TRUTH if fit.parameters}
        assert found == pytest.approx(TRUTH if fit.parameters else {}, rel=2e-2)
    assert ImpedanceSpectrum.objects.filter(source=source).count() == len(case.points)


def test_lines_that_are_no_lists_are_left_out_and_the_others_read(tmp_path):
    frequency = [1000.0, 100.0, 10.0, 1.0]
    z = [complex(v) for v in impedance()[:4]]
    lines = [
        "freq,Z",
        f'"{frequency}","{z}"',
        f'"{frequency}","{z[:3]}"',
        f'"{frequency}","[1.0, no, 2.0, 3.0]"',
        f'"{frequency[:2]}","{z[:2]}"',
        f'"{frequency}","{z}"',
    ]
    path = write(tmp_path, "lists.csv", "\n".join(lines).replace("(", "").replace(")", ""))

    _, reading = formats.read(path)

    assert [len(spectrum) for spectrum in reading.spectra] == [4, 4]
    assert [why.split(" at least")[0] for _, why in reading.refused] == [
        "line 3 has 4 frequencies and 3 impedances",
        "in line 4 a cell is no list of numbers such as [1.0, 2.0] (complex() arg is a malformed string)",
        "it has 2 usable points of 2,",
    ]


def million_rows(count: int = 1_000_000) -> str:
    frequency = np.geomspace(1e5, 1e-2, count)
    return "\n".join([HEAD, *(f"{f:.9g},0.05,-0.01" for f in frequency), ""])


@pytest.mark.slow  # a million lines take a reader written for thousands some seconds
def test_a_million_points_are_refused_in_words_by_reader_and_job(tmp_path, db, settings):
    settings.EIS_CIRCUIT = CIRCUIT
    (tmp_path / "eis").mkdir()
    folder = Folder.objects.create(name="Potentiostat", path=str(tmp_path / "eis"))
    huge = add_file(folder, "huge.csv", million_rows().encode())
    good = add_file(folder, "good.csv", eis_text(), cell_id=10002)

    import_and_fit(huge, good)

    source = ImpedanceFile.objects.get(file=huge)
    assert source.status == "failed"
    assert "1000000 points, at most 10000" in source.error
    assert CircuitFit.objects.get().status == "fitted"
