import numpy as np
import polars as pl
import pytest

from battery_db.lib.errors import MissingColumn, UnreadableFile
from battery_db.lib.series import read_parquet, read_rows, standardise, write_parquet


def series(rows: int = 50_000) -> pl.DataFrame:
    time = np.arange(rows, dtype=float)
    return standardise(
        pl.DataFrame(
            {
                "test_time_second": time,
                "voltage_volt": 3.5 + 0.5 * np.sin(time / 500),
                "current_ampere": np.where(time % 1000 < 500, 0.1, -0.1),
                "cycle_count": (time // 1000).astype(int) + 1,
                "step_type": np.where(time % 1000 < 500, "cc_charge", "cc_discharge"),
            }
        )
    )


def test_a_series_comes_back_as_it_was_written(tmp_path):
    frame = series()

    write_parquet(frame, tmp_path / "s.parquet", {"format": "test"})

    back = read_parquet(tmp_path / "s.parquet")
    assert back.with_columns(pl.col("step_type").cast(pl.String)).equals(
        frame.with_columns(pl.col("step_type").cast(pl.String))
    )


def test_chosen_cycles_are_all_of_their_rows_and_nothing_else(tmp_path):
    write_parquet(series(), tmp_path / "s.parquet", {})

    cycles = read_parquet(tmp_path / "s.parquet", ["cycle_count"], cycles=(3, 4))

    assert cycles["cycle_count"].to_list() == [3] * 1000 + [4] * 1000


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (19_990, 20_010), (0, 49_999), (45_000, 45_001)]
)
def test_rows_are_found_across_row_groups(tmp_path, first, last):
    write_parquet(series(), tmp_path / "s.parquet", {})

    rows = read_rows(tmp_path / "s.parquet", ["test_time_second"], first, last)

    assert rows["test_time_second"].to_list() == [float(n) for n in range(first, last + 1)]


def test_an_empty_file_left_by_a_crash_is_a_clear_error(tmp_path):
    (tmp_path / "s.parquet").touch()

    with pytest.raises(UnreadableFile) as error:
        read_parquet(tmp_path / "s.parquet")
    with pytest.raises(UnreadableFile):
        read_rows(tmp_path / "s.parquet", ["test_time_second"], 0, 1)
    assert "nightly" in error.value.fix


def test_a_missing_column_is_named():
    with pytest.raises(MissingColumn, match="current_ampere"):
        standardise(pl.DataFrame({"test_time_second": [0.0], "voltage_volt": [3.0]}))


def test_a_file_without_rows_is_refused():
    with pytest.raises(UnreadableFile, match="no data row"):
        standardise(series(10).clear())


def test_a_stored_series_takes_few_bytes_a_row(tmp_path):
    rng = np.random.default_rng(0)
    frame = series(200_000).with_columns(
        voltage_volt=pl.Series(3.5 + rng.normal(0, 0.01, 200_000).cumsum() * 0.01)
        .round(4)
        .cast(pl.Float32)
    )

    write_parquet(frame, tmp_path / "s.parquet", {})

    assert (tmp_path / "s.parquet").stat().st_size / frame.height < 12
