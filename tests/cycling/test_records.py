"""A cell's whole record: thinned from afar, every point on zoom; its files on one time line."""

import numpy as np
import pytest

from cells.models import FileMetadata
from cycling.jobs import importing
from cycling.models import CyclingTest
from cycling.services import records
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def cell(lab_file) -> int:
    """About 10,600 records, more than a screen shows."""
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(100)))
    return 10001


def test_a_whole_test_is_thinned_and_a_stretch_of_it_is_whole(cell, client_as):
    test = CyclingTest.objects.get()
    client = client_as("viewer")
    url = f"/cycling/tests/{test.pk}/overview.json"

    whole = client.get(url).json()
    near = client.get(url, {"from": "10", "to": "12"}).json()

    assert whole["zoom"]
    assert len(whole["data"][0]["x"]) == records.OVERVIEW_POINTS
    stored = records.read_stored(test)["test_time_second"].to_numpy()
    inside = stored[(stored >= 36000) & (stored <= 43200)] / 3600
    assert near["data"][0]["x"] == pytest.approx(inside, rel=1e-6)
    assert len(inside) > len([x for x in whole["data"][0]["x"] if 10 <= x <= 12])


def test_the_second_look_reads_no_stored_series(cell, client_as, monkeypatch):
    first = records.record_of_test(CyclingTest.objects.get())

    def fail(*_):
        raise AssertionError("the series was read again")

    monkeypatch.setattr(records, "read_stored", fail)
    again = records.record_of_test(CyclingTest.objects.get())
    assert np.array_equal(np.array(first), np.array(again))


def test_files_of_a_cell_follow_each_other_without_overlap(cell, lab_file):
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(50), start_cycle=100))

    time_second, _, _ = records.cell_record(cell)

    assert (np.diff(time_second) >= 0).all()
    single = np.ptp(records.record_of_test(CyclingTest.objects.first())[0])
    assert time_second[-1] > 1.4 * single


def test_a_stretch_in_the_second_file_is_read_from_there(cell, lab_file):
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(50), start_cycle=100))
    whole_time, whole_voltage, _ = records.cell_record(cell)
    begin = whole_time[np.flatnonzero(np.isnan(whole_voltage))[-1]]  # the gap between the two

    time_second, voltage, _ = records.cell_record(cell, (begin + 1000, begin + 5000))

    assert len(time_second) > 50
    assert time_second.min() >= begin + 1000
    assert time_second.max() <= begin + 5000
    assert np.nanmax(voltage) <= 4.21


def test_files_of_every_technique_are_on_the_time_line(cell, lab_file, client_as):
    spectrum = lab_file("z.txt", b"1", experiment=FileMetadata.Experiment.IMPEDANCE)
    FileMetadata.objects.filter(file=spectrum).update(date="2024-02-01")

    figure = client_as("viewer").get(f"/cycling/cells/{cell}/timeline.json").json()

    assert {trace["name"] for trace in figure["data"]} == {"Cycling", "Impedance"}


def test_extents_of_files_and_a_closer_look_are_in_the_capacity_figure(cell, client_as):
    client = client_as("viewer")
    url = f"/cycling/cells/{cell}/discharge_capacity.json"

    near = client.get(url, {"from": "10", "to": "20"}).json()

    assert [x for trace in near["data"] for x in trace["x"]] == list(range(10, 21))
    assert near["layout"]["annotations"][0]["hovertext"] == "a.bdf.csv"
    assert near["layout"]["shapes"][0]["x0"] == 1


def test_dq_dv_of_chosen_cycles_peaks_nowhere_for_a_linear_cell(cell, client_as):
    answer = client_as("viewer").get(f"/cycling/cells/{cell}/curves.json?kind=dqdv&cycles=2")
    figure = answer.json()

    assert figure["layout"]["yaxis"]["title"]["text"] == "dQ/dV / (Ah/V)"
    discharge = np.array(figure["data"][0]["y"])
    # 0.2 Ah (1 - 2 / 1000) over 1.2 V.
    assert np.median(discharge) == pytest.approx(0.1996 / 1.2, rel=0.01)
