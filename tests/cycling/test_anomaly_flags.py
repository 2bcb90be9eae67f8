"""Flags of what stands out: kept beside half-cycles, found over REST, hiding nothing."""

import polars as pl
import pytest

from cycling.jobs import grouping, importing
from cycling.models import CellState, HalfCycle
from cycling.services import curation, flags
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db
HALF_CYCLES = "/api/v1/cycling/half-cycles/"


def with_short_discharge(cycles: int, short: int) -> pl.DataFrame:
    """All cycles alike but for one whose discharge passes a tenth less charge."""
    frame = cccv_cycles(cycles)
    cut = (pl.col("cycle_count") == short) & (pl.col("step_type") == "cc_discharge")
    return frame.with_columns(
        current_ampere=pl.when(cut).then(0.9 * pl.col("current_ampere")).otherwise("current_ampere")
    )


@pytest.fixture
def cell(lab_file) -> int:
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(30)))
    HalfCycle.objects.filter(polarity="discharge", cycle_count=15).update(capacity_ah=0.15)
    HalfCycle.objects.filter(polarity="charge", cycle_count=20).update(capacity_ah=0.19)
    grouping.group_cell(10001)
    return 10001


def flagged() -> dict[tuple[str, int], str]:
    rows = HalfCycle.objects.exclude(anomaly="")
    return {(row.polarity, row.cycle_count): row.anomaly for row in rows}


def test_grouping_flags_what_stands_out_and_leaves_everything_in(cell):
    assert flagged() == {("discharge", 15): "capacity", ("charge", 20): "capacity"}
    assert not HalfCycle.objects.filter(excluded=True).exists()
    assert HalfCycle.objects.of_cell(cell).count() == 60
    assert [(each.cycle, each.polarity) for each in flags.anomalies(cell)] == [
        (15, "discharge"),
        (20, "charge"),
    ]


def test_grouping_again_writes_no_flag_twice(cell, django_assert_max_num_queries):
    before, found = flagged(), flags.anomalies(cell)
    with django_assert_max_num_queries(1):
        flags.write(cell, found)
    assert flagged() == before


def test_leaving_out_takes_the_flag_and_undo_brings_it_back(cell):
    curation.exclude_cycles(cell, "15", reason="oven failed")
    assert ("discharge", 15) not in flagged()

    curation.undo(cell, curation.changes_of_cell(cell)[0].pk)
    assert flagged()["discharge", 15] == "capacity"


def test_a_flag_goes_when_the_numbers_are_mended(cell, lab_file):
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(31)))
    HalfCycle.objects.filter(cycle_count__in=[15, 20]).update(capacity_ah=0.196)
    grouping.group_cell(cell)

    assert flagged() == {}


def test_cells_grouped_by_an_earlier_version_are_flagged_the_next_night(cell, monkeypatch):
    assert grouping.stale_cells() == []
    monkeypatch.setattr(grouping, "VERSIONS", (0, 0, 0))

    assert grouping.stale_cells() == [cell]


def test_flags_are_found_over_rest(cell, client_as, django_assert_max_num_queries):
    client = client_as("viewer")

    with django_assert_max_num_queries(6):
        rows = client.get(f"{HALF_CYCLES}?cell_id={cell}&stands_out=true").json()["results"]

    assert {(row["polarity"], row["cycle"], row["anomaly"]) for row in rows} == {
        ("discharge", 15, "capacity"),
        ("charge", 20, "capacity"),
    }
    assert all(abs(row["anomaly_sigmas"]) > 6 for row in rows)
    others = client.get(f"{HALF_CYCLES}?cell_id={cell}&stands_out=false").json()["results"]
    assert len(others) == 58


def test_the_page_marks_flags_on_the_plot_and_lists_them(cell, client_as):
    page = client_as("viewer").get(f"/cycling/cells/{cell}/fix/").text
    figure = client_as("viewer").get(f"/cycling/cells/{cell}/fix.json?polarity=discharge").json()

    assert "capacity" in page
    marked = next(trace for trace in figure["data"] if trace["name"] == "stands out")
    assert marked["x"] == [15]


def test_flags_make_no_history(cell):
    assert not CellState.history.exists()


def test_a_short_discharge_of_a_file_is_flagged_by_the_night(lab_file):
    importing.import_file(lab_file("a.bdf.csv", with_short_discharge(30, 12)))

    grouping.group_cell(10001)

    assert "capacity" in flagged().get(("discharge", 12), "")
