"""The cycling panel of a cell's page, its figures, and leaving cycles out."""

from pathlib import Path

import pytest

from battery_db.lib.storage import storage
from cells.models import FileMetadata
from cycling.jobs import grouping, importing
from cycling.models import CellState, CyclingTest, HalfCycle
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def cell(lab_file) -> int:
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(20)))
    grouping.group_cell(10001)
    return 10001


def test_the_panel_shows_key_numbers_groups_and_plots(cell, client_as):
    text = client_as("viewer").get(f"/cycling/cells/{cell}/panel/").content.decode()

    assert "SOH" in text
    assert "/cycling/cells/10001/discharge_capacity.json" in text
    assert "Discharge 1" in text


def test_the_panel_of_a_cell_without_data_says_what_to_do(client_as):
    text = client_as("viewer").get("/cycling/cells/77777/panel/").content.decode()

    assert "No cycling data yet" in text


def test_the_panel_takes_a_fixed_number_of_queries(
    cell, client_as, lab_file, django_assert_max_num_queries
):
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(30), start_cycle=20))
    grouping.group_cell(cell)
    client = client_as("viewer")

    with django_assert_max_num_queries(20):
        client.get(f"/cycling/cells/{cell}/panel/")


@pytest.mark.parametrize(
    "quantity",
    [
        "discharge_capacity",
        "charge_capacity",
        "coulombic_efficiency",
        "discharge_energy",
        "delta_voltage",
    ],
)
def test_each_quantity_has_a_figure_with_units(cell, client_as, quantity):
    figure = client_as("viewer").get(f"/cycling/cells/{cell}/{quantity}.json").json()

    assert figure["layout"]["xaxis"]["title"]["text"] == "Cycle number"
    assert "/ " in figure["layout"]["yaxis"]["title"]["text"]
    assert sum(len(trace["x"]) for trace in figure["data"]) >= 19


def test_an_unknown_quantity_is_answered_with_the_known_ones(cell, client_as):
    answer = client_as("viewer").get(f"/cycling/cells/{cell}/colour.json")

    assert answer.status_code == 404
    assert "discharge_capacity" in answer.json()["fix"]


def test_voltage_curves_of_chosen_cycles_run_between_the_cut_offs(cell, client_as):
    figure = client_as("viewer").get(f"/cycling/cells/{cell}/curves.json?cycles=2,5").json()

    assert len(figure["data"]) == 4
    discharge = figure["data"][0]
    assert max(discharge["y"]) == pytest.approx(4.2, abs=0.05)
    assert min(discharge["y"]) == pytest.approx(3.0, abs=0.05)
    assert max(discharge["x"]) == pytest.approx(0.2, rel=0.02)


@pytest.mark.parametrize("cycles", ["", "abc", "900", "1-100"])
def test_cycles_that_can_not_be_drawn_are_refused_with_advice(cell, client_as, cycles):
    answer = client_as("viewer").get(f"/cycling/cells/{cell}/curves.json?cycles={cycles}")

    assert answer.status_code == 400
    assert answer.json()["fix"]


def test_a_curator_leaves_a_cycle_out_with_a_reason_and_takes_it_back(cell, client_as):
    client = client_as("curator")
    url = f"/cycling/cells/{cell}/exclude/"

    client.post(url, {"cycles": "3", "reason": "oven failed"})
    assert set(HalfCycle.objects.filter(excluded=True).values_list("cycle_count", flat=True)) == {3}
    assert "Left out now: 3" in client.get(f"/cycling/cells/{cell}/panel/").content.decode()

    client.post(url, {"cycles": "3", "restore": "1"})
    assert not HalfCycle.objects.filter(excluded=True).exists()


def test_who_left_a_cycle_out_and_why_is_in_the_history(cell, client_as, people):
    client_as("curator").post(
        f"/cycling/cells/{cell}/exclude/", {"cycles": "3-5", "reason": "oven failed"}
    )

    newest = CellState.history.filter(cell_id=cell).first()
    assert newest.history_user == people["curator"]
    assert newest.history_change_reason == "cycles 3-5 left out: oven failed"
    assert "oven failed" in client_as("admin").get("/account/changes/").content.decode()


def test_a_curator_sets_the_theoretical_capacity_and_leaves_it_to_the_grouping_again(
    cell, client_as
):
    client = client_as("curator")
    url = f"/cycling/cells/{cell}/capacity/"
    measured = CellState.objects.get().theoretical_capacity_ah

    client.post(url, {"capacity": "0.4"})
    assert grouping.stale_cells() == [cell]
    grouping.group_cell(cell)
    rates = set(CellState.objects.get().groups.values_list("constant_rate", flat=True))
    assert max(rates) == pytest.approx(0.5)
    assert 'value="0.4"' in client.get(f"/cycling/cells/{cell}/panel/").content.decode()

    client.patch(
        f"/api/v1/cycling/cells/{cell}/",
        {"theoretical_capacity_ah": None},
        content_type="application/json",
    )
    grouping.group_cell(cell)
    assert CellState.objects.get().theoretical_capacity_ah == measured


@pytest.mark.parametrize("capacity", ["0", "-1", "nan", "inf", "much"])
def test_a_capacity_that_can_not_be_is_refused_in_words(cell, client_as, capacity):
    before = CellState.objects.get().theoretical_capacity_ah

    client_as("curator").post(f"/cycling/cells/{cell}/capacity/", {"capacity": capacity})

    state = CellState.objects.get()
    assert (state.theoretical_capacity_ah, state.capacity_is_manual) == (before, False)


def test_a_file_corrected_to_another_cell_shows_there_at_once_and_in_groups_after_the_night(
    cell, lab_file, client_as
):
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(15), start_cycle=20))
    grouping.group_cell(cell)
    other = lab_file("c.bdf.csv", cccv_cycles(12), cell_id=10002)
    importing.import_file(other)
    grouping.group_cell(10002)
    FileMetadata.objects.filter(file__name="b.bdf.csv").update(cell_id=10002)
    client = client_as("member")

    def names():
        figure = client.get("/cycling/cells/10002/discharge_capacity.json").json()
        return {trace["name"]: len(trace["x"]) for trace in figure["data"]}

    assert names()["not grouped yet"] == 15
    assert "irregular" not in names()
    for number in (10001, 10002):
        page = client.get(f"/cycling/cells/{number}/panel/").content.decode()
        assert "have come, gone or been corrected" in page

    for number in grouping.stale_cells():
        grouping.group_cell(number)

    assert "not grouped yet" not in names()
    assert sum(names().values()) == 27
    assert "have come, gone" not in client.get("/cycling/cells/10002/panel/").content.decode()


def test_the_page_of_a_cell_stands_while_its_stored_series_is_empty(cell, client_as):
    test = CyclingTest.objects.get()
    Path(storage("series").path(test.series_name)).write_bytes(b"")
    client = client_as("viewer")

    assert client.get(f"/cycling/cells/{cell}/panel/").status_code == 200
    assert client.get(f"/cycling/cells/{cell}/discharge_capacity.json").json()["data"]
    for url in (
        f"/cycling/cells/{cell}/curves.json?cycles=3",
        f"/cycling/tests/{test.pk}/overview.json",
    ):
        answer = client.get(url)
        assert 400 <= answer.status_code < 500
        assert "nightly run" in answer.json()["fix"]


def test_a_cycle_is_not_left_out_without_a_reason_or_by_a_member(cell, client_as):
    url = f"/cycling/cells/{cell}/exclude/"

    client_as("curator").post(url, {"cycles": "3", "reason": " "})
    assert client_as("member").post(url, {"cycles": "3", "reason": "x"}).status_code == 403

    assert not HalfCycle.objects.filter(excluded=True).exists()


def test_the_series_of_a_test_comes_in_three_formats_and_thinned(cell, client_as):
    client = client_as("viewer")
    test = HalfCycle.objects.first().test_id
    url = f"/api/v1/cycling/tests/{test}/series/"

    csv = client.get(url, {"format": "csv", "columns": "voltage_volt", "cycles": "2"})
    assert csv.content.decode().splitlines()[0] == "voltage_volt"
    assert client.get(url, {"format": "json", "max_points": 50}).json()
    assert client.get(url).content[:4] == b"PAR1"
    refused = client.get(url, {"columns": "colour"})
    assert refused.status_code == 400
    assert "colour" in refused.json()["error"]
