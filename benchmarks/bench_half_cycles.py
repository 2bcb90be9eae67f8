"""Rows a second from a series to half-cycles, and half-cycles a second to curves on a grid.

python -m benchmarks.bench_half_cycles
"""

import time

import numpy as np
import polars as pl

from cycling.curves import curves_of, on_voltage_grid
from cycling.half_cycles import summarise

ROWS_PER_STEP = 250


def series(rows: int) -> pl.DataFrame:
    step = np.arange(rows) // ROWS_PER_STEP
    share = np.arange(rows) % ROWS_PER_STEP / (ROWS_PER_STEP - 1)
    kind = step % 4  # charge, rest, discharge, rest
    return pl.DataFrame(
        {
            "test_time_second": np.arange(rows) * 10.0,
            "voltage_volt": np.select(
                [kind == 0, kind == 2], [3 + 1.2 * share, 4.2 - 1.2 * share], 3.7
            ),
            "current_ampere": np.select([kind == 0, kind == 2], [1.0, -1.0], 0.0),
            "cycle_count": step // 4 + 1,
            "step_count": step + 1,
        }
    )


def main() -> None:
    frame = series(2_000_000)
    start = time.process_time()
    table = summarise(frame)
    seconds = time.process_time() - start
    print(f"summarise: {frame.height / seconds / 1e6:.1f} million rows per CPU s")
    grid = np.linspace(3.0, 4.2, 48)
    start = time.process_time()
    for curve, polarity in zip(curves_of(frame, table), table["polarity"], strict=True):
        on_voltage_grid(curve, grid, polarity)
    seconds = time.process_time() - start
    print(f"curves: {table.height / seconds:,.0f} half-cycles per CPU s")


if __name__ == "__main__":
    main()
