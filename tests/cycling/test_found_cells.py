"""What a search shows of cycling: small plots, the state of imports, reading files again."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cycling.jobs import importing
from cycling.models import CyclingTest, HalfCycle
from cycling.plots import Points
from cycling.services import found_cells
from cycling.sparklines import sparkline
from tests.cycling.conftest import cccv_cycles


def test_a_sparkline_writes_its_extremes_and_keeps_groups_apart():
    picture = sparkline(
        [
            Points("slow", [1, 50], [1.02, 0.9]),
            Points("fast <b>", [2, 49], [0.8, 0.7]),
            Points("irregular", [3], [0.5], irregular=True),
        ],
        y_axis="Ah",
    )
    tree = ET.fromstring(picture)
    texts = [element.text for element in tree.iter() if element.tag.endswith("text")]
    colours = {element.get("stroke") for element in tree.iter() if element.get("stroke-width")}

    assert texts == ["1.02", "0.5", "1", "50", "cycle number", "Ah"]
    assert len(colours) == 3


def test_a_sparkline_of_one_point_and_of_none_is_drawn():
    assert "no cycles yet" in sparkline([], y_axis="Ah")
    assert "<path" in sparkline([Points("one", np.array([1.0]), np.array([1.0]))], y_axis="Ah")


@pytest.mark.django_db
def test_a_picture_is_sent_once(client_as):
    client = client_as("viewer")
    first = client.get("/cycling/cells/77/sparkline.svg")
    again = client.get("/cycling/cells/77/sparkline.svg", headers={"If-None-Match": first["ETag"]})

    assert first["Content-Type"] == "image/svg+xml"
    assert b"no cycles yet" in first.content
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.django_db
def test_reading_again_is_a_job_of_the_ticked_cells(client_as):
    client = client_as("member")
    answer = client.post("/cycling/cells/reimport/", {"cell": ["10002", "10001"]})

    job = Job.objects.get(kind="cycling.reimport_cells")
    assert answer.url == job.get_absolute_url()
    assert job.params == {"cell_ids": [10001, 10002]}
    assert job.title == "Import again: cells 10001-10002"
    engine.drain()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED
    assert job.result["cells"] == 2


def test_files_are_read_again_although_nothing_changed(lab_file, client_as):
    file = lab_file("a.bdf.csv", cccv_cycles(5))
    importing.import_file(file)
    before = CyclingTest.objects.get(file=file).imported_at
    client = client_as("member")

    assert found_cells.import_states([10001])[0].imported == 1
    mark = found_cells.preview_mark(10001)
    picture = client.get("/cycling/cells/10001/sparkline.svg").content
    client.post("/cycling/cells/reimport/", {"cell": ["10001"]})
    engine.drain()

    assert CyclingTest.objects.get(file=file).imported_at > before
    assert HalfCycle.objects.of_cell(10001).filter(group=None).count() == 0
    assert found_cells.preview_mark(10001) != mark
    assert b"cycle number" in picture
    page = client.get("/cycling/cells/import-states/?cell=10001").content.decode()
    assert "1 file on this page imported" in page


@pytest.mark.django_db
def test_nothing_ticked_starts_nothing(client_as):
    answer = client_as("member").post("/cycling/cells/reimport/", {}, follow=True)

    assert "No cell is ticked" in answer.content.decode()
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_a_viewer_may_not_read_files_again(client_as):
    assert client_as("viewer").post("/cycling/cells/reimport/", {"cell": "1"}).status_code == 403
