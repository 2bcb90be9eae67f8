"""Readers of impedance files: recognise a file by its content and read all its spectra.

A format is a module with a ``sniff`` and a ``read``; it joins by a line in ``FORMATS``.
A reader whose output changes gets a higher ``version``, and files it read are read again.
"""

from pathlib import Path

from battery_db.lib.encodings import HEAD_BYTES
from battery_db.lib.errors import LabError, UnknownFormat, UnreadableFile
from eis.formats import (
    arrays,
    autolab,
    biologic,
    gamry,
    ivium,
    palmsens,
    text,
    versastudio,
    workbooks,
    zahner,
    zplot,
)  # fmt: skip
from eis.formats.base import Finding, Format, Reading
from eis.formats.told import NOTHING_TOLD, Told, as_told

__all__ = ["FORMATS", "NOTHING_TOLD", "Finding", "Format", "Reading", "Told", "read", "recognise"]

LONGEST_TEXT = 1000
FORMATS: tuple[Format, ...] = (
    *biologic.FORMATS,
    *gamry.FORMATS,
    *zplot.FORMATS,
    *autolab.FORMATS,
    *zahner.FORMATS,
    *versastudio.FORMATS,
    *palmsens.FORMATS,
    *arrays.FORMATS,
    *workbooks.FORMATS,
    *ivium.FORMATS,
    *text.FORMATS,
)


def recognise(path: Path) -> Format:
    """The format of a file, by its first 64 KiB and its name.

    Raises UnreadableFile for what can not be opened or is empty, UnknownFormat otherwise.
    """
    head = _read_head(path)
    for format_ in FORMATS:
        if format_.sniff(head, path.name):
            return format_
    start = repr(head[:24])[2:-1]
    raise UnknownFormat(
        f"No reader of impedance recognises the content; it begins with '{start}'.",
        fix="Readable are: " + "; ".join(format_.title for format_ in FORMATS) + ".",
    )


def read(path: Path, told: Told = NOTHING_TOLD) -> tuple[Format, Reading]:
    """Recognise and read a file; ``told`` is about tables without a header.

    Raises LabError when the content can not be read. An OSError of the machine passes through.
    """
    format_ = recognise(path)
    try:
        reading = as_told(format_.read(path), told)
    except LabError as error:
        error.message, error.fix = _printable(error.message), _printable(error.fix)
        raise
    except (ValueError, IndexError, KeyError, OverflowError, RuntimeError) as error:
        # Damage that no reader foresaw is still damage, and names its file to a person.
        raise UnreadableFile(
            f"The content of this {format_.title} file can not be parsed: {_printable(str(error))}",
            fix="Look for damage in the file; copy or export it again.",
        ) from error
    metadata = {key: _printable(value) for key, value in reading.metadata.items()}
    findings = tuple(Finding(known.code, _printable(known.text)) for known in reading.findings)
    refused = tuple((_printable(name), _printable(why)) for name, why in reading.refused)
    return format_, Reading(reading.spectra, metadata, findings, refused, reading.is_partial)


def _printable(text: str) -> str:
    """Without the NUL and other control characters of damaged files, which no database keeps."""
    plain = "".join(mark if mark.isprintable() else "\ufffd" for mark in text[:LONGEST_TEXT])
    return plain if len(text) <= LONGEST_TEXT else f"{plain} …"


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        raise UnreadableFile("This is a folder, not a file.", fix="Choose a file inside it.")
    if path.exists() and not path.is_file():
        raise UnreadableFile(
            "This is a device or a pipe, not a file.",
            fix="Choose a file that the potentiostat wrote.",
        )
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except PermissionError as error:
        raise UnreadableFile(
            "The server may not read this file.",
            fix="Give the account that runs battery_db the right to read it.",
        ) from error
    if not head:
        raise UnreadableFile("The file is empty (0 bytes).", fix="Copy it again.")
    return head
