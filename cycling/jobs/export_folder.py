"""The CSV folders of datasets on a disk that people look at, kept as the nightly exports are.

``EXPORT_DIR/dataset/cell/filter.csv``. Files that hold the same already are left untouched,
and files that an earlier night wrote and that are no longer exported go. What else lies
there is never touched: ``EXPORT_DIR/.battery_db/<slug>.json`` lists what was written.
"""

import json
import zipfile
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from battery_db.lib.errors import LabError
from cells.models import Dataset
from cycling.exports import archives

LISTS = ".battery_db"


def is_wanted() -> bool:
    return bool(settings.EXPORT_DIR)


def is_published(dataset: Dataset, fingerprint: str) -> bool:
    """The folder says what the export of this fingerprint says, or no folder is wanted."""
    return not is_wanted() or _listed(dataset).get("fingerprint") == fingerprint


def publish(dataset: Dataset, archive: IO[bytes], fingerprint: str) -> int:
    """Make the folder of a dataset hold what its zipped export holds; how many files.

    Raises LabError when the folder can not be written.
    """
    root = Path(settings.EXPORT_DIR)
    try:
        if not root.is_dir():
            raise FileNotFoundError(f"there is no folder {root}")
        before = _listed(dataset).get("files", [])
        with zipfile.ZipFile(archive) as files:
            names = files.namelist()
            _write_list(dataset, "", sorted({*before, *names}))
            for name in names:
                archives.write_file(root / name, files.read(name))
        for name in sorted(set(before) - set(names)):
            _remove(root, name)
        _write_list(dataset, fingerprint, names)
    except OSError as error:
        raise LabError(
            f"The export folder {root} can not be written: {error}.",
            fix="Mount it and let the workers write there; the next night tries again.",
        ) from error
    return len(names)


def _listed(dataset: Dataset) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_list_of(dataset).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _list_of(dataset: Dataset) -> Path:
    return Path(settings.EXPORT_DIR) / LISTS / f"{dataset.slug}.json"


def _write_list(dataset: Dataset, fingerprint: str, names: list[str]) -> None:
    told = {"fingerprint": fingerprint, "files": names}
    archives.write_file(_list_of(dataset), json.dumps(told, indent=1).encode())


def _remove(root: Path, name: str) -> None:
    """Remove a file that an earlier night wrote, and the folders that it leaves empty."""
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        return  # somebody has changed the list
    path.unlink(missing_ok=True)
    for folder in list(path.parents)[: len(Path(name).parts) - 1]:
        if not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()
