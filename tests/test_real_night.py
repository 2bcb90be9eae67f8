"""A night over folders of real files: each is imported, or has a reason that a person understands.

The names of these files say little, so that the first night refuses them by name. Then a
person completes the metadata in the grid, and the second night opens every file.
"""

from collections import Counter

import pytest

from battery_db import outcomes
from battery_db.lib.runs.models import Job
from cells.models import Folder, RawFile
from cells.services.bulk_files import correct_many
from cycling.models import CycleGroup, HalfCycle
from tests.test_report import night

# Some 60 s: 137 cycler files with 775,000 records, 83 impedance files with 2,000 fits, and
# 30 infrared files.
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# Folders whose name begins with a dot are left out of a scan, but can be roots themselves.
HIDDEN = "cycling-arbin/galv-team__galv-harvester/.test-data"
KINDS = {"eis": "impedance", "ftir": "ftir"}
READ = {
    "cycling-arbin": {"imported": 10, "refused": 3},
    HIDDEN: {"imported": 1, "refused": 3},
    "cycling-biologic": {"imported": 42, "refused": 5},
    "cycling-maccor": {"imported": 6, "partial": 2, "refused": 2},
    "cycling-neware": {"imported": 26, "partial": 3, "refused": 11},
    "cycling-other": {"imported": 13, "refused": 10},
    "eis": {"imported": 84, "partial": 1, "refused": 11},
    "ftir": {"imported": 25, "refused": 5},
}

FILES = {name: sum(counts.values()) for name, counts in READ.items()}


@pytest.fixture
def folders(db, real_data, settings) -> list[Folder]:
    settings.FILE_SETTLE_SECONDS = 0  # a copy of the files may be a minute old
    absent = [name for name in READ if not (real_data / name).is_dir()]
    if absent:
        pytest.skip(f"absent: {', '.join(absent)}")
    return [
        Folder.objects.create(name=name, path=str(real_data / name), time_zone="Europe/Berlin")
        for name in READ
    ]


def by_folder(job: Job) -> dict[str, Counter[str]]:
    rows = outcomes.read(job)
    found: dict[str, Counter[str]] = {name: Counter() for name in READ}
    for row in rows:
        found[row["folder"]][row["outcome"]] += 1
    return found


def complete_metadata() -> None:
    """What a person does in the grid: a Cell ID and conditions for every file."""
    files = RawFile.objects.select_related("folder").order_by("pk")
    rows = [
        {
            "id": file.pk,
            "experiment": KINDS.get(file.folder.name, "cycling"),
            "cell_id": number,
            "start_cycle": 0,
            "operator": "ab",
            "date": "2024-01-31",
            "upper_cutoff_voltage": 4.2,
            "temperature_celsius": 25,
            "cycler": "",
        }
        for number, file in enumerate(files, 10001)
    ]
    correct_many(rows)


def test_every_real_file_is_imported_or_refused_with_a_reason(folders):
    first = night()

    assert RawFile.objects.count() == sum(FILES.values())
    named = by_folder(first.job)
    for name in READ:
        if name.startswith("cycling"):
            assert set(named[name]) == {"unnamed"}, name
    for row in outcomes.read(first.job, outcomes.Asked(outcome="unnamed")):
        assert row["why"].startswith("Name not understood. "), row["path"]
        assert len(row["why"]) > 40, row["path"]
        assert row["fix"], row["path"]

    complete_metadata()
    second = night()

    assert second.is_clean or not second.failed_parts, second.failed_parts
    rows = outcomes.read(second.job)
    found = by_folder(second.job)
    for name, files in FILES.items():
        unchanged = files - found[name].total()
        found[name]["imported"] += unchanged  # spectra that the first night had read
    assert {name: dict(counts) for name, counts in found.items()} == READ
    for row in rows:
        if row["outcome"] != "imported":
            assert row["why"], row["path"]
            assert row["fix"] or row["outcome"] == "partial", row["path"]
        else:
            assert row["records"], row["path"]
    assert not HalfCycle.objects.filter(group=None).exists()
    assert CycleGroup.objects.exists()
    assert second.totals["fit_impedance"]["fits_fitted"] > 1900

    third = night()

    assert third.was_quiet
    assert third.files["new"] == {}
