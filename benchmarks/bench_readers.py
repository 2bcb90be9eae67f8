"""Our readers beside other libraries on the same real files, in one process.

Peers are measured where they are installed; they belong to no environment of battery_db
(galvani and yadg are GPL). ``pip install galvani yadg newarenda openpyxl`` into a copy of the
environment, and mdbtools from the system, to see them. Times are medians of five runs after
one that does not count, in milliseconds of wall clock; the ratio is to our reader, which does
more: units, clock in UTC, steps, and all checks.
"""

import contextlib
import importlib.util
import io
import logging
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import polars as pl

from battery_db.lib import biologic
from cycling.formats import read

RUNS = 5
REAL_DATA = Path(
    os.environ.get("BATTERY_DB_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")
)
MPR = "cycling-biologic/dgbowl__yadg/tests/test_x_eclab/gcpl.issue_211.mpr"
MPT = "cycling-biologic/dgbowl__yadg/tests/test_x_eclab/gcpl.issue_211.mpt"
RES = "cycling-arbin/jepegit__cellpy/testdata/data/20160805_test001_45_cc_01.res"
XLSX = "cycling-other/jepegit__cellpy/testdata/data/custom_data_002.xlsx"
NDAX = "cycling-neware/d-cogswell__NewareNDA/tests/nda/github/Issue5/test_2.ndax"


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    print(f"{'file':8}{'library':28}{'rows':>10}{'ms':>10}{'ratio':>8}")
    for kind, name, peers in (
        (".mpr", MPR, mpr_peers),
        (".mpt", MPT, mpt_peers),
        (".res", RES, res_peers),
        (".xlsx", XLSX, xlsx_peers),
        (".ndax", NDAX, ndax_peers),
    ):
        path = REAL_DATA / name
        if not path.exists():
            print(f"{kind:8}left out: no real file at {path}")
            continue
        ours = measure(lambda path=path: read(path)[1].frame.height)
        show(kind, "battery_db", ours, ours)
        for label, run in peers(path):
            try:
                show(kind, label, measure(run), ours)
            except Exception as error:  # noqa: BLE001 - whatever a peer makes of the file
                print(f"{kind:8}{label:28} can not read it: {type(error).__name__}")
    print(
        f"peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
    )


def measure(run: Callable[[], int]) -> tuple[int, float]:
    rows, times = run(), []
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return rows, statistics.median(times)


def show(kind: str, label: str, found: tuple[int, float], ours: tuple[int, float]) -> None:
    rows, seconds = found
    print(f"{kind:8}{label:28}{rows:10d}{seconds * 1000:10.1f}{seconds / ours[1]:8.2f}")


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def mpr_peers(path: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    yield "battery_db, table alone", lambda: biologic.read(path).frame.height
    if has("galvani"):
        from galvani import BioLogic

        yield "galvani (GPL)", lambda: len(BioLogic.MPRfile(str(path)).data)
    if has("yadg"):
        yield "yadg (GPL)", lambda: yadg_rows(path, "eclab.mpr")


def mpt_peers(path: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    yield "battery_db, table alone", lambda: biologic.read(path).frame.height
    if has("galvani"):
        from galvani import BioLogic

        yield "galvani (GPL)", lambda: len(BioLogic.MPTfile(str(path))[0])
    if has("yadg"):
        yield "yadg (GPL)", lambda: yadg_rows(path, "eclab.mpt")


def yadg_rows(path: Path, kind: str) -> int:
    from yadg.extractors import extract

    return int(extract(kind, path)["uts"].size)


def res_peers(path: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    from access_parser import AccessParser

    table = "Channel_Normal_Table"
    yield "access-parser alone", lambda: len(AccessParser(str(path)).parse_table(table)["Voltage"])
    if shutil.which("mdb-export"):

        def export() -> int:
            out = subprocess.run(
                ["mdb-export", str(path), table], capture_output=True, check=True
            ).stdout
            return pl.read_csv(io.BytesIO(out), infer_schema=False).height

        yield "mdbtools and Polars", export


def xlsx_peers(path: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    from python_calamine import CalamineWorkbook

    sheet = "Record-Tab"
    yield (
        "python-calamine alone",
        lambda: len(CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet).to_python()) - 1,
    )
    if has("openpyxl"):
        import pandas as pd

        yield "pandas and openpyxl", lambda: len(pd.read_excel(path, sheet, engine="openpyxl"))


def ndax_peers(path: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    import fastnda

    yield "fastnda alone", lambda: fastnda.read(path, cycle_mode="raw").height
    if has("NewareNDA"):
        import NewareNDA

        def newarenda() -> int:
            with contextlib.redirect_stderr(io.StringIO()):
                return len(NewareNDA.read(str(path)))

        yield "NewareNDA", newarenda


if __name__ == "__main__":
    main()
