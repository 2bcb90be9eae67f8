"""Every search over 100,000 wet cells and 300,000 files, beside SELECT ... LIMIT 20.

On PostgreSQL and on SQLite: the median and 95th percentile of a first page (question,
count, rows and what they show), its number of queries, its ratio to the plain SELECT on
the same table in the same run, and the memory that it took. Also the names of all wet
cells in bulk, the whole result as CSV, and registering 1,000 cells by a table.
``BENCH_CELLS`` and ``BENCH_FILES`` make the lab smaller.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

CELLS = int(os.environ.get("BENCH_CELLS", "100000"))
FILES = int(os.environ.get("BENCH_FILES", "300000"))
RUNS = int(os.environ.get("BENCH_RUNS", "30"))
PAGES = {
    "cells, nothing asked": "find=cells",
    "cells with one molecule": "find=cells&molecule=AD0",
    "cells without a molecule": "find=cells&molecule=AD0&need=prohibited",
    "cells, complete additive, 3 rows": "find=cells&molecule=AD0&molecule=SO0&molecule=SA0"
    "&amount=&amount=30&amount=1&tolerance=50&complete=additive",
    "cells, box and composition": "find=cells&molecule=AD1&box1=B-50000",
    "cells, cathode and loading": "find=cells&cathode=(cathode 0)&cathode_loading_mg_cm2=20"
    "&dry_tolerance=20&geometry=pouch&geometry_known=on",
    "cells of a dataset": "find=cells&dataset=study-5",
    "cells by range of Cell IDs": "find=cells&ids=20000-20500, 30101",
    "cells with cycling data": "find=cells&among=cycling",
    "cells, all inputs, with data": "find=cells&among=cycling&molecule=AD0&complete=additive"
    "&geometry=pouch&temperature_celsius=40&operator=sb",
    "cycling data, nothing asked": "find=cycling",
    "cycling data by conditions": "find=cycling&operator=sb&temperature_celsius=30"
    "&upper_cutoff_voltage_min=4.3&date_min=2018-01-01",
    "cycling data by rare file word": "find=cycling&file1=_170201_",
    "cycling data by common words": "find=cycling&file1=ratemap&file2=43V&folder1=rack3",
    "cycling data by absent word": "find=cycling&file1=nowhere",
    "electrolytes, nothing asked": "find=electrolytes",
    "electrolytes, complete, 3 rows": "find=electrolytes&molecule=AD0&molecule=SO0&molecule=SA0"
    "&complete=additive&complete=salt",
    "electrolytes of wet cells": "find=electrolytes&among=cells&molecule=AD0&box1=B-50001",
    "electrolytes, all the way": "find=electrolytes&among=cycling&molecule=AD0&complete=additive"
    "&temperature_celsius=55",
    "dry cells of wet cells": "find=dry-cells&among=cells&molecule=AD2&complete=additive",
    "dry cells, all the way": "find=dry-cells&among=cycling&molecule=SO0&file1=1C1C",
    "boxes, all the way": "find=boxes&among=cycling&molecule=AD0&temperature_celsius=55",
}


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-search-")))
        folder.chmod(0o755)  # PostgreSQL may run as another user
        run("SQLite", folder / "sqlite")
        from tests import services

        try:
            (folder / "postgresql").mkdir()
            server = services.PostgreSQL(folder / "postgresql")
            server.start()
        except services.MissingService as error:
            print(f"PostgreSQL was not measured: {error}")
            return
        stack.callback(server.stop)
        run("PostgreSQL", folder / "server", BATTERY_DB_DATABASE_URL=server.url())


def run(name: str, data: Path, **variables: str) -> None:
    environment = {key: value for key, value in os.environ.items() if "BATTERY_DB" not in key}
    environment |= {"BATTERY_DB_DATA_DIR": str(data), **variables}
    print(f"{name}, {CELLS:,} wet cells, {FILES:,} files", flush=True)
    subprocess.run([sys.executable, __file__, "measure"], env=environment, check=True)


def measure() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "battery_db.settings")
    django.setup()
    from django.core.management import call_command
    from lab_of_100000 import fill

    call_command("migrate", verbosity=0)
    from cells.models import WetCell

    if not WetCell.objects.exists():
        print(f"  filled in {timed(lambda: fill(CELLS, FILES)):.0f} s", flush=True)
    plain = measure_plain()
    print(f"  {'':34}{'p50':>8}{'p95':>8}  queries  x plain  peak")
    slowest = max(measure_page(name, query, plain) for name, query in PAGES.items())
    print(f"  the slowest first page: p95 {slowest * 1000:.0f} ms")
    measure_names()
    measure_csv()
    measure_registration(plain)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak resident memory, the filling included: {peak:.0f} MiB", flush=True)


def measure_plain() -> dict[str, float]:
    """Median seconds of SELECT * ... LIMIT 20 on the table of each node."""
    from django.db import connection

    tables = {
        "cells": "cells_wetcell", "cycling": "cells_filemetadata",
        "electrolytes": "cells_electrolyte", "dry-cells": "cells_drycell",
        "boxes": "cells_drycelllot",
    }  # fmt: skip

    def select(table: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id LIMIT 20")
            cursor.fetchall()

    found = {}
    for node, table in tables.items():
        select(table)
        found[node] = statistics.median(timed(lambda t=table: select(t)) for _ in range(RUNS))
    words = ", ".join(f"{node} {seconds * 1000:.2f}" for node, seconds in found.items())
    print(f"  plain SELECT ... LIMIT 20, ms: {words}")
    return found


def measure_page(name: str, query: str, plain: dict[str, float]) -> float:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ask = page_of(query)
    ask()
    times = sorted(timed(ask) for _ in range(RUNS))
    with CaptureQueriesContext(connection) as captured:
        node = ask()
    tracemalloc.start()
    ask()
    memory = tracemalloc.get_traced_memory()[1] / 1024
    tracemalloc.stop()
    middle, late = statistics.median(times), times[int(0.95 * (len(times) - 1))]
    print(
        f"  {name:34}{middle * 1000:6.1f}ms{late * 1000:6.1f}ms{len(captured):9}"
        f"{middle / plain[node]:9.0f}{memory:5.0f}kB",
        flush=True,
    )
    return late


def page_of(query: str) -> Callable[[], str]:
    """The whole way from an address to rows, without the HTML."""
    from django.http import QueryDict

    from cells.forms.search import SearchTreeForm
    from cells.services import searching

    def ask() -> str:
        form = SearchTreeForm(QueryDict(query))
        if not form.is_valid():
            raise SystemExit(f"{query}: {form.problems()}")
        searching.page_of(form.tree)
        return str(form.tree.node)

    return ask


def measure_names() -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from cells.models import WetCell

    def all_names() -> int:
        cells = WetCell.objects.with_names().iterator(chunk_size=2000)
        return sum(len(cell.label) for cell in cells)

    with CaptureQueriesContext(connection) as captured:
        seconds = timed(all_names)
    print(f"  names of {CELLS:,} wet cells: {seconds:.2f} s, {len(captured)} queries")


def measure_csv() -> None:
    from django.http import QueryDict

    from battery_db.lib.spreadsheets import csv_lines
    from cells.forms.search import SearchTreeForm
    from cells.services import searching

    form = SearchTreeForm(QueryDict("find=cells"))
    form.is_valid()
    tracemalloc.start()
    seconds = timed(lambda: sum(map(len, csv_lines(searching.table_of(form.tree)))))
    memory = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    print(f"  all {CELLS:,} cells as CSV: {seconds:.1f} s (traced), {memory:.1f} MiB at the peak")


def measure_registration(plain: dict[str, float]) -> None:
    from cells.services.bulk_registration import register_table

    times = []
    for turn in range(3):
        first = 1_000_000 + 1_000 * turn
        lines = ["cell_id,electrolyte,dry_cell"]
        lines += [
            f"{first + n},70%SO0+30%SO1 + 1mSA0 + ADDITIVES:({n % 40 + 1}%AD{turn}),B-{50_000 + n % 99}"
            for n in range(1_000)
        ]
        table = "\n".join(lines)
        times.append(timed(lambda table=table: register_table(table)))
    middle = statistics.median(times)
    print(f"  registering 1,000 cells: {middle:.2f} s = {middle / plain['cells']:.0f} x plain")


def timed(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        measure()
    else:
        main()
