"""Cycler files of any length, made up for the benchmarks: the same on every machine."""

from pathlib import Path

import polars as pl

ROWS_PER_STEP = 250
STEP_NAMES = ("CC_Chg", "Rest", "CC_DChg", "Rest")
NESTED_HEADER = (
    "Cycle ID\tCap_Chg(mAh)\tCap_DChg(mAh)\n"
    "\tStep ID\tStep Name\tStep Time(h:min:s)\n"
    "\t\tRecord ID\tTime(h:min:s.ms)\tVol(mV)\tCur(mA)\tCap(mAh)\tRealtime\n"
)


def series(rows: int, rows_per_step: int = ROWS_PER_STEP) -> pl.LazyFrame:
    """Charge, rest, discharge, rest, of 250 records each, one every 10 s."""
    row = pl.col("row")
    step = row // rows_per_step
    seconds = row % rows_per_step * 10
    current = pl.when(step % 4 == 0).then(100.0).when(step % 4 == 2).then(-100.0).otherwise(0.0)
    return pl.LazyFrame({"row": pl.int_range(rows, eager=True)}).select(
        row,
        step=step,
        seconds=seconds,
        total=step * (rows_per_step - 1) * 10 + seconds,
        millivolt=(3700 + 400 * (row / 90).sin()).round(1),
        milliampere=current,
        milliampere_hour=(current.abs() * seconds / 3600).round(3),
        clock=pl.datetime(2026, 1, 1) + pl.duration(seconds=row * 10),
    )


def clock_text(seconds: pl.Expr) -> pl.Expr:
    return pl.format(
        "{}:{}:{}",
        seconds // 3600,
        (seconds // 60 % 60).cast(pl.String).str.zfill(2),
        (seconds % 60).cast(pl.String).str.zfill(2),
    )


def flat(path: Path, rows: int, rows_per_step: int = ROWS_PER_STEP) -> None:
    """Neware's record layer as one table of ten columns."""
    step = pl.col("step")
    names = pl.Series([name.replace("_", " ") for name in STEP_NAMES])
    series(rows, rows_per_step).select(
        (pl.col("row") + 1).alias("DataPoint"),
        (step // 4 + 1).alias("Cycle Index"),
        (step % 4 + 1).alias("Step Index"),
        pl.lit(names).gather(step % 4).alias("Step Type"),
        clock_text(pl.col("seconds")).alias("Time"),
        clock_text(pl.col("total")).alias("Total Time"),
        pl.col("milliampere").alias("Current(mA)"),
        pl.col("millivolt").alias("Voltage(mV)"),
        pl.col("milliampere_hour").alias("Capacity(mAh)"),
        pl.col("clock").dt.to_string("%Y-%m-%d %H:%M:%S").alias("Date"),
    ).sink_csv(path)


def nested(path: Path, rows: int) -> None:
    """The older export, with a line above the records of each cycle and step."""
    step, row = pl.col("step"), pl.col("row")
    table = series(rows)
    records = table.select(
        place=row * 1.0,
        line=pl.format(
            "\t\t{}\t{}.000\t{}\t{}\t{}\t{}",
            row + 1, clock_text(pl.col("seconds")), "millivolt", "milliampere",
            "milliampere_hour", pl.col("clock").dt.to_string("%Y-%m-%d %H:%M:%S"),
        ),
    )  # fmt: skip
    begins = table.filter(row % ROWS_PER_STEP == 0)
    names = pl.lit(pl.Series(STEP_NAMES)).gather(step % 4)
    steps = begins.select(place=row - 0.4, line=pl.format("\t{}\t{}\t0:41:30", step % 4 + 1, names))
    cycles = begins.filter(step % 4 == 0).select(
        place=row - 0.6, line=pl.format("{}\t69.2\t69.2", step // 4 + 1)
    )
    lines = pl.concat([records, steps, cycles]).sort("place").select("line").collect()
    with path.open("w") as file:
        file.write(NESTED_HEADER)
        lines.write_csv(file, include_header=False, quote_style="never", separator="\x01")


def bdf_parquet(path: Path, rows: int) -> None:
    """The Battery Data Format as Parquet."""
    step = pl.col("step")
    series(rows).select(
        pl.col("total").cast(pl.Float64).alias("test_time_second"),
        (pl.col("millivolt") / 1e3).cast(pl.Float32).alias("voltage_volt"),
        (pl.col("milliampere") / 1e3).cast(pl.Float32).alias("current_ampere"),
        (pl.col("clock").dt.timestamp("ms") / 1e3).alias("unix_time_second"),
        (step // 4 + 1).cast(pl.Int32).alias("cycle_count"),
        (step + 1).cast(pl.Int32).alias("step_count"),
    ).sink_parquet(path, row_group_size=100_000)
