"""The 20-column CSV folder, filters, and names of folders."""

import io
import zipfile
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cycling.exports.csv_folder import (
    COLUMNS,
    Range,
    as_csv,
    matches,
    summary_table,
    write_folder,
    write_zip,
)
from cycling.exports.safe_names import folder_name

SCHEMA = {"started_at": pl.Datetime("us", "UTC"), "anomaly_sigmas": pl.Float64()}
MORNING = datetime(2026, 1, 5, 8, tzinfo=UTC)


def halves(cycles: int = 20, *, test_id: int = 1, first: int = 1, **changes) -> pl.DataFrame:
    """Charge at C/2 to 4.2 V, discharge at 1C to 3.0 V; capacity falls by 1 mAh a cycle."""
    rows = []
    for place in range(cycles):
        cycle = first + place
        for polarity, offset, volt in (("charge", 0.0, 3.8), ("discharge", 7800.0, 3.6)):
            capacity = 1.0 - 0.001 * cycle
            charging = polarity == "charge"
            rows.append(
                {
                    "cycle": cycle,
                    "test_id": test_id,
                    "ordinal": 2 * place + (not charging),
                    "polarity": polarity,
                    "start_time_second": 100.0 + 12_000.0 * place + offset,
                    "duration_second": 7200.0 if charging else 3600.0,
                    "started_at": MORNING + timedelta(seconds=12_000.0 * (cycle - 1) + offset),
                    "capacity_ah": capacity,
                    "energy_wh": capacity * volt,
                    "mean_voltage_volt": volt,
                    "constant_current_ampere": 0.5 if charging else 1.0,
                    "end_current_ampere": 0.05 if charging else 1.0,
                    "end_voltage_volt": 4.2 if charging else 3.0,
                    "previous_constant_current_ampere": 1.0 if charging else 0.5,
                    "previous_end_current_ampere": 1.0 if charging else 0.05,
                    "previous_end_voltage_volt": 3.0 if charging else 4.2,
                    "is_complete": True,
                    "anomaly_sigmas": None,
                }
            )
    frame = pl.DataFrame(rows, schema_overrides=SCHEMA)
    return frame.with_columns(**changes)


def table_of(frame: pl.DataFrame, whole: pl.DataFrame | None = None) -> pl.DataFrame:
    return summary_table(
        frame, whole=frame if whole is None else whole, theoretical_capacity_ah=2.0
    )


def test_the_seventeen_columns_have_the_reference_headers_and_numbers():
    table = table_of(halves())

    assert tuple(table.columns) == COLUMNS
    row = dict(zip(COLUMNS, table.row(9), strict=True))
    assert row["Cycle Number"] == 10
    assert row["Total Charge Capacity (mAh)"] == pytest.approx(990)
    assert row["Average Charge Voltage (V)"] == pytest.approx(3.8)
    assert row["Delta Voltage (V)"] == pytest.approx(0.2)
    assert row["Charge Time (hours)"] == pytest.approx(2)
    assert row["Cumulative Time (hours)"] == pytest.approx(9 * 12_000 / 3600)
    assert row["Normalized Delta Voltage (unitless)"] == pytest.approx(1)
    assert row["Normalized Discharge Capacity (unitless)"] == pytest.approx(0.495)
    # Cycles 1-10 are there; trimmed by a quarter at each end that leaves cycles 3-8.
    typical = 1 - 0.001 * 5.5
    assert row["Charge Capacity Normalized to Typical Dchg Cap (unitless)"] == pytest.approx(
        0.99 / typical
    )
    assert row["Discharge Energy (mWh)"] == pytest.approx(990 * 3.6)
    assert row["Delta Energy (mWh)"] == pytest.approx(990 * 0.2)


def test_numbers_have_eight_decimals_and_unknown_ones_are_empty():
    frame = halves(2).filter(~((pl.col("cycle") == 2) & (pl.col("polarity") == "discharge")))

    lines = as_csv(table_of(frame)).decode().splitlines()

    assert lines[0] == ",".join(COLUMNS)
    assert lines[1].startswith("1.00000000,999.00000000,999.00000000,3.80000000,")
    assert lines[2].split(",")[1:4] == ["998.00000000", "", "3.80000000"]


def test_a_half_cycle_that_still_runs_is_left_empty():
    running = (pl.col("cycle") == 3) & (pl.col("polarity") == "discharge")

    table = table_of(halves(3, is_complete=~running))

    assert table["Total Discharge Capacity (mAh)"].to_list()[:2] == [999.0, 998.0]
    assert table["Total Discharge Capacity (mAh)"][2] is None
    assert table["Total Charge Capacity (mAh)"][2] == pytest.approx(997)


def test_overlapping_files_give_each_cycle_once():
    both = pl.concat([halves(5), halves(3, test_id=2, first=4)])

    assert table_of(both)["Cycle Number"].to_list() == [1, 2, 3, 4, 5, 6]


def test_time_goes_on_across_files_even_when_a_clock_is_missing_or_set_back():
    early = MORNING - timedelta(days=400)
    for started_at in (pl.lit(early), pl.lit(None, pl.Datetime("us", "UTC"))):
        second = halves(2, test_id=2, first=3).with_columns(
            started_at=started_at.cast(pl.Datetime("us", "UTC"))
        )

        hours = table_of(pl.concat([halves(2), second]))["Cumulative Time (hours)"].to_list()

        # The first file lasts until the end of its second discharge.
        assert hours == pytest.approx([0, 12_000 / 3600, 23_400 / 3600, (23_400 + 12_000) / 3600])


def test_both_ends_of_a_range_belong_to_it():
    frame = halves(4).with_columns(
        end_voltage_volt=pl.when(polarity="charge").then(4.0 + 0.05 * pl.col("cycle")).otherwise(3)
    )

    inside = matches(frame, [Range("charge", "end_voltage", 4.1, 4.15)], 1.0)

    assert inside["cycle"].unique().sort().to_list() == [2, 3]
    assert inside.height == 4


@pytest.mark.parametrize(
    ("each", "cycles"),
    [
        (Range("charge", "end_voltage", maximum=4.1), [1, 2]),
        (Range("charge", "end_voltage", minimum=4.12), [3, 4]),
    ],
)
def test_a_range_may_be_open_at_one_end(each, cycles):
    frame = halves(4).with_columns(
        end_voltage_volt=pl.when(polarity="charge").then(4.0 + 0.05 * pl.col("cycle")).otherwise(3)
    )

    assert matches(frame, [each], 1.0)["cycle"].unique().sort().to_list() == cycles


def test_the_rate_map_filter_of_the_thesis_knows_the_rate_before():
    frame = halves(4).with_columns(
        previous_constant_current_ampere=pl.when(polarity="charge")
        .then(pl.when(pl.col("cycle") == 3).then(0.5).otherwise(1.0))
        .otherwise(pl.col("previous_constant_current_ampere"))
    )
    ranges = [
        Range("discharge", "constant_rate", 0.85, 1.5),
        Range("charge", "previous_constant_rate", 0.3, 0.7),
    ]

    assert matches(frame, ranges, 1.0)["cycle"].unique().to_list() == [3]


def test_a_cycle_without_the_asked_half_does_not_match():
    frame = halves(2).filter(~((pl.col("cycle") == 2) & (pl.col("polarity") == "charge")))

    found = matches(frame, [Range("charge", "end_voltage", 4.0)], 1.0)

    assert found["cycle"].unique().to_list() == [1]


def test_an_unknown_attribute_is_in_no_range():
    frame = halves(3).with_columns(previous_end_voltage_volt=pl.lit(None, pl.Float64))

    assert matches(frame, [Range("charge", "previous_end_voltage", 0.0)], 1.0).is_empty()
    assert matches(frame, [Range("charge", "constant_rate", 0.0)], None).is_empty()


def test_no_range_keeps_everything():
    assert matches(halves(3), [], None).height == 6


def test_equal_tables_give_equal_bytes():
    tables = [(("set", "cell", "all.csv"), table_of(halves()))]
    first, second = io.BytesIO(), io.BytesIO()

    assert write_zip(first, iter(tables)) == write_zip(second, iter(tables)) == 1

    assert first.getvalue() == second.getvalue()
    with zipfile.ZipFile(first) as archive:
        assert pl.read_csv(archive.read("set/cell/all.csv")).height == 20


def test_a_folder_holds_the_same_bytes_as_the_zip(tmp_path):
    table = table_of(halves())

    write_folder(tmp_path, [(("set", "cell", "all.csv"), table)])

    assert (tmp_path / "set" / "cell" / "all.csv").read_bytes() == as_csv(table)
    assert [path.name for path in (tmp_path / "set" / "cell").iterdir()] == ["all.csv"]


def test_filters_that_differ_in_case_only_do_not_overwrite_each_other(tmp_path):
    table = table_of(halves())

    count = write_folder(tmp_path, [(("s", "c", name), table) for name in ("a.csv", "A.csv")])

    assert count == 2
    assert sorted(path.name for path in (tmp_path / "s" / "c").iterdir()) == ["A (2).csv", "a.csv"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("1% VC (CELL ID 7)", "1% VC (CELL ID 7)"),
        ("C/20", "C_OVER_20"),
        ("4.2 V", "4_DOT_2 V"),
        ("=cmd|x", "_EQUALS_cmd_PIPE_x"),
        ("-rf", "_MINUS_rf"),
        ("🔋 best", "🔋 best"),
        ("70%DMC+30%EC", "70%DMC_PLUS_30%EC"),
    ],
)
def test_characters_with_a_meaning_are_spelled_out(text, name):
    assert folder_name(text) == name


@pytest.mark.parametrize(
    "text", ["CON", "nul", "COM1", "", ".", "..", " ", "a.", "x" * 400, "🔋" * 90]
)
def test_a_name_is_one_that_every_system_takes(text):
    name = folder_name(text)

    assert name
    assert name.upper() not in {"CON", "NUL", "COM1"}
    assert not set(name) & set('/\\:*?"<>|.')
    assert name == name.strip()
    assert len(name.encode()) <= 210


@given(
    st.lists(st.text(alphabet="a/._OVERD-+ \u200e\u0301é=", max_size=14), min_size=2, unique=True)
)
def test_two_names_never_share_a_folder(texts):
    assert len({folder_name(text) for text in texts}) == len(texts)


@given(st.text(max_size=60))
def test_no_name_can_start_a_formula_or_leave_its_folder(text):
    name = folder_name(text)

    assert name[0] not in "=+-@"
    assert "/" not in name
    assert "\\" not in name
    assert name.isprintable() or "\u200d" in name or "\ufe0f" in name


def test_without_half_cycles_there_is_a_table_of_no_rows():
    nothing = halves(1).clear()

    table = summary_table(nothing, whole=nothing, theoretical_capacity_ah=None)

    assert table.height == 0
    assert tuple(table.columns) == COLUMNS
    assert matches(nothing, [Range("charge", "end_rate", 0.1)], None).is_empty()


def test_a_cell_of_unknown_capacity_has_its_normalised_columns_empty():
    frame = halves(3)

    table = summary_table(frame, whole=frame, theoretical_capacity_ah=None)

    assert table["Normalized Charge Capacity (unitless)"].null_count() == 3
    assert table["Total Charge Capacity (mAh)"].null_count() == 0


def test_the_larger_deviation_of_a_cycle_that_stands_out_is_told():
    frame = halves(4)
    sigmas = [None, None, 7.0, -9.0, None, 6.5, None, None]

    table = table_of(frame.with_columns(anomaly_sigmas=pl.Series(sigmas)))

    assert table["Largest Deviation Within Group (sigma)"].to_list() == [None, -9.0, 6.5, None]
