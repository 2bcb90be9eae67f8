"""One upkeep knows every folder of the series storage, and every row that points into it."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.base import ContentFile

from battery_db import upkeep
from battery_db.lib.storage import storage
from cells.models import Folder, RawFile
from eis.models import ImpedanceFile
from ftir.models import Calibration, InfraredSpectrum

pytestmark = pytest.mark.django_db
OLD = (1.6e9, 1.6e9)


def put(name: str) -> Path:
    storage("series").save(name, ContentFile(b"points"))
    path = Path(storage("series").path(name))
    os.utime(path, OLD)
    return path


def spectrum(name: str) -> InfraredSpectrum:
    return InfraredSpectrum.objects.create(
        name="a",
        sha256="0" * 64,
        status="imported",
        series_name=name,
        imported_at=datetime.now(UTC),
    )


def test_every_model_that_names_a_stored_series_is_known():
    naming = {
        model
        for model in apps.get_models()
        if "series_name" in {field.name for field in model._meta.fields}
        and not model.__name__.startswith("Historical")
    }

    assert naming <= set(upkeep.owners())


@pytest.mark.parametrize("folder", upkeep.FOLDERS)
def test_what_nothing_points_to_goes_from_every_folder(folder):
    path = put(f"{folder}/ab/abc.parquet")

    assert upkeep.remove_orphans() == 1
    assert not path.exists()


def test_what_rows_of_spectra_and_calibrations_point_to_stays():
    kept = [put(f"ftir/ab/{name}") for name in ("a.parquet", "b.npz", "b.report.npz")]
    spectrum("ftir/ab/a.parquet")
    Calibration.objects.create(
        name="LP57", archive_name="ftir/ab/b.npz", report_name="ftir/ab/b.report.npz"
    )

    assert upkeep.remove_orphans() == 0
    assert all(path.exists() for path in kept)


def test_lost_points_of_a_spectrum_are_imported_again():
    lost = spectrum("ftir/ab/gone.parquet")

    assert upkeep.mark_damaged() == 1

    lost.refresh_from_db()
    assert lost.is_transient


def test_a_lost_impedance_series_is_imported_again(tmp_path):
    now = datetime.now(UTC)
    folder = Folder.objects.create(name="Bench", path=str(tmp_path))
    file = RawFile.objects.create(
        folder=folder,
        path="a.mpr",
        name="a.mpr",
        size=1,
        mtime_ns=1,
        modified_at=now,
        changed_at=now,
    )
    row = ImpedanceFile.objects.create(
        file=file, sha256="0" * 64, status="imported", series_name="eis/x.parquet", imported_at=now
    )

    upkeep.mark_damaged()

    row.refresh_from_db()
    assert row.is_transient
