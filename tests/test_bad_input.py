"""Files as they should not be, from the folder to the page, and mended the next night."""

import os
from pathlib import Path

import pytest

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from battery_db.report import report_of
from battery_db.tasks import NIGHT
from cells.models import Folder, RawFile
from cycling.models import CyclingTest
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db
NAME = "Sb_CYC_{}_NW_c2_42V_30C_1C1C_250116"


@pytest.fixture
def rack(tmp_path) -> Path:
    path = tmp_path / "rack"
    path.mkdir()
    Folder.objects.create(name="Rack 1", path=str(path), time_zone="UTC")
    return path


def drop(path: Path, content: bytes) -> None:
    """A settled file, as a cycler's computer leaves it."""
    path.write_bytes(content)
    os.utime(path, (1.6e9, 1.6e9))


def night():
    job = engine.enqueue(NIGHT, trigger="command")
    engine.drain()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED
    return report_of(job)


def cut_ndax() -> bytes:
    """The first bytes of a zip, whose directory at the end is lost."""
    return b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(90)


def csv(cycles: int) -> bytes:
    return cccv_cycles(cycles).write_csv().encode()


@pytest.mark.parametrize(
    ("content", "extension", "said"),
    [
        (cut_ndax(), "ndax", "damaged or was cut off"),
        (b"", "txt", "empty (0 bytes)"),
        (b"\x00\xff\x10 nothing a cycler writes", "txt", "No reader recognises"),
    ],
    ids=["a truncated ndax", "an empty file", "a file of no known format"],
)
def test_the_page_of_a_bad_file_says_why_and_the_night_after_its_repair_imports_it(
    rack, client_as, content, extension, said
):
    path = rack / f"{NAME.format(10001)}.{extension}"
    drop(path, content)
    drop(rack / f"{NAME.format(10002)}.bdf.csv", csv(3))

    report = night()

    assert [failure["name"] for failure in report.failures] == [path.name]
    assert report.totals["import"]["imported"] == 1, "the good file beside it"
    file = RawFile.objects.get(name=path.name)
    client = client_as("viewer")
    assert client.get(file.get_absolute_url()).status_code == 200
    panel = client.get(f"/cycling/files/{file.pk}/panel/").content.decode()
    assert "The import failed" in panel
    assert said in panel
    assert client.get("/cycling/cells/10001/panel/").status_code == 200

    path.write_bytes(csv(4))
    os.utime(path, (1.61e9, 1.61e9))
    assert night().is_clean
    assert CyclingTest.objects.get(file=file).half_cycles.count() == 8


def test_a_foreign_encoding_and_a_name_of_emoji_and_newline_are_imported_and_shown(rack, client_as):
    text = csv(3).replace(b"test_time_second", "test_time_second,note_°µ".encode("cp1252"), 1)
    head, _, body = text.partition(b"\n")
    lines = [line.replace(b",", b",\xb5,", 1) for line in body.splitlines()]
    drop(rack / f"{NAME.format(10001)}.bdf.csv", b"\n".join([head, *lines, b""]))
    drop(rack / f"{NAME.format(10002)} \U0001f50b\nline.bdf.csv", csv(4))

    report = night()

    assert report.is_clean
    assert report.totals["import"]["imported"] == 2
    client = client_as("viewer")
    for test in CyclingTest.objects.select_related("file"):
        assert test.half_cycles.count() in (6, 8)
        for url in (test.get_absolute_url(), test.file.get_absolute_url(), "/files/"):
            assert client.get(url).status_code == 200


def test_a_stored_series_emptied_by_a_crash_is_whole_after_the_next_night(rack, client_as):
    drop(rack / f"{NAME.format(10001)}.bdf.csv", csv(5))
    night()
    test = CyclingTest.objects.get()
    Path(storage("series").path(test.series_name)).write_bytes(b"")
    url = "/cycling/cells/10001/curves.json?cycles=4"
    assert "nightly run" in client_as("viewer").get(url).json()["fix"]

    report = night()

    assert report.totals["check"]["damaged"] == 1
    assert report.totals["import"]["imported"] == 1
    assert client_as("viewer").get(url).json()["data"]
    assert CyclingTest.objects.get().half_cycles.count() == 10
