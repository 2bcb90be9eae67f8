"""What a file holds that nobody has imported: a glance at its first bytes."""

from pathlib import Path

from battery_db.lib.errors import LabError
from battery_db.lib.names import to_path
from cells.models import FileMetadata, RawFile
from cycling import formats

KINDS = FileMetadata.Experiment
CYCLED = (KINDS.CYCLING, KINDS.FORMATION, KINDS.RPT, "")
# To look into these means to unpack them, which may take long.
WRAPPED = (".zip", ".gz")


def looks_like(file_id: int) -> str:
    """In words which format the content is in; "" where cycling has no say or can not look."""
    file = RawFile.objects.settled().select_related("folder", "metadata").filter(pk=file_id).first()
    if file is None or file.name.lower().endswith(WRAPPED):
        return ""
    metadata = getattr(file, "metadata", None)
    if metadata is not None and metadata.experiment not in CYCLED:
        return ""
    try:
        found = formats.recognise(Path(file.folder.path) / to_path(file.path))
    except LabError as error:
        return error.message
    except OSError:
        return ""
    return f"The content is recognised as {found.title}."
