"""Rows of SQL as an import leaves them, without files, for benchmarks of what reads them."""

from django.utils import timezone

from cells.models import FileMetadata, Folder, RawFile
from cycling.models import CyclingTest


def imported_test(folder: Folder, cell_id: int) -> CyclingTest:
    """A test of a cell, its file said to be imported."""
    now = timezone.now()
    file = RawFile.objects.create(
        folder=folder, path=f"{cell_id}.txt", name=f"{cell_id}.txt", size=1, modified_at=now,
        mtime_ns=1, sha256=f"{cell_id:064}", state=RawFile.State.STABLE, changed_at=now,
    )  # fmt: skip
    FileMetadata.objects.create(
        file=file, experiment="cycling", cell_id=cell_id, start_cycle=0, is_valid=True
    )
    return CyclingTest.objects.create(
        file=file, sha256=file.sha256, status="imported", imported_at=now,
        series_name=f"cycling/{cell_id}.parquet",
    )  # fmt: skip
