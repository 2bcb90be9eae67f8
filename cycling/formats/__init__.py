"""Readers of cycler files: recognise a file by its content and read it as a series.

A format is a module with a ``sniff`` and a ``read``; it joins by a line in ``FORMATS``.
A reader whose output changes gets a higher ``version``, and files it read are read again.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl

from battery_db.lib.errors import LabError, MissingColumn, UnknownFormat, UnreadableFile
from battery_db.lib.series import standardise
from cycling.formats import (
    arbin_res,
    bdf,
    biologic,
    declared,
    labelled,
    maccor,
    neware_binary,
    neware_text,
    tails,
    vendor_text,
    workbooks,
)
from cycling.formats.base import Finding, Format, MissingUnit, ReadContext, Reading
from cycling.formats.bookmarks import Bookmark, Checked, mark
from cycling.formats.checks import check_and_tally
from cycling.formats.columns import DECLARE
from cycling.formats.strangers import describe
from cycling.formats.text import HEAD_BYTES
from cycling.formats.wrappings import unwrapped

__all__ = [
    "FORMATS",
    "Bookmark",
    "Finding",
    "Format",
    "ReadContext",
    "Reading",
    "read",
    "read_marked",
    "read_on",
    "recognise",
]

# What a file says of itself is cut to this many characters.
LONGEST_TEXT = 1000
# The first that recognises a file reads it, so that those that know least come last.
FORMATS: tuple[Format, ...] = (
    *neware_binary.FORMATS,
    *biologic.FORMATS,
    *arbin_res.FORMATS,
    *workbooks.FORMATS,
    *bdf.FORMATS,
    *neware_text.FORMATS,
    *maccor.FORMATS,
    *vendor_text.FORMATS,
    *labelled.FORMATS,
    declared.DECLARED,
)


def recognise(path: Path) -> Format:
    """The format of a file, or of the one in its zip or gzip wrapping.

    By its first 64 KiB and its name. Raises UnreadableFile for what can not be opened or is
    empty, UnknownFormat otherwise.
    """
    with unwrapped(path, _read_head(path)) as inner:
        return _recognise(inner)


def _recognise(path: Path) -> Format:
    head = _read_head(path)
    for format_ in FORMATS:
        if format_.sniff(head, path.name):
            return format_
    raise UnknownFormat(
        f"No reader recognises the content; {describe(head)}.",
        fix="Export the records in a format that is read; the file's page lists them. A table of "
        f"text or Excel: {DECLARE} Files that are no measurement can be left out by a pattern of "
        "the folder, or deprecated.",
    )


def read(path: Path, context: ReadContext = ReadContext()) -> tuple[Format, Reading]:  # noqa: B008 - frozen
    """Recognise and read a file; the frame has standard columns, order and types.

    Raises LabError when the content can not be read. An OSError of the machine (a share
    that is gone) passes through.
    """
    with unwrapped(path, _read_head(path)) as inner:
        found = _read(inner, _with_units(context))
    return found.format_, _presentable(found.reading)


def read_marked(
    path: Path,
    context: ReadContext = ReadContext(),  # noqa: B008 - frozen
) -> tuple[Format, Reading, Bookmark | None]:
    """``read``, and the bookmark to read on from when the file has grown, where there is one."""
    with unwrapped(path, _read_head(path)) as inner:
        context = _with_units(context)
        found = _read(inner, context)
        bookmark = mark(path, context, found) if inner == path else None
    return found.format_, _presentable(found.reading), bookmark


def read_on(
    path: Path, context: ReadContext, bookmark: Bookmark, known: tails.Known
) -> tails.Grown | None:
    """What a file holds that has grown since its ``bookmark``; None where it is to be read whole.

    ``known(first, stop)`` gives records that were stored then. Raises as ``read`` does.
    """
    format_ = _recognise(path)
    grown = tails.read_on(path, format_, _with_units(context), bookmark, known)
    return None if grown is None else replace(grown, reading=_presentable(grown.reading))


def _with_units(context: ReadContext) -> ReadContext:
    if not context.declared:
        return context
    return replace(context, units={**declared.units_of(context.declared), **context.units})


def _read(path: Path, context: ReadContext) -> Checked:
    try:
        format_, reading = _read_known(path, context)
        return Checked(format_, reading, *check_and_tally(reading))
    except LabError as error:
        _print(error)
        raise
    except pl.exceptions.PanicException as error:
        # Not an Exception: it would take the worker down with it.
        raise UnreadableFile(
            f"The content of this {format_.title} file can not be parsed: {_printable(str(error))}",
            fix="Look for damage in the file; copy or export it again.",
        ) from error


def _presentable(reading: Reading) -> Reading:
    try:
        frame = standardise(reading.frame)
    except LabError as error:
        _print(error)
        raise
    metadata = {key: _printable(value) for key, value in reading.metadata.items()}
    findings = tuple(Finding(known.code, _printable(known.text)) for known in reading.findings)
    return Reading(frame, metadata, findings, reading.is_partial)


def _print(error: LabError) -> None:
    error.message, error.fix = _printable(error.message), _printable(error.fix)


def _read_known(path: Path, context: ReadContext) -> tuple[Format, Reading]:
    """By the reader of a vendor, else as declared for the folder, else by words alone."""
    refusal: LabError | None = None
    format_: Format | None = None
    try:
        format_ = _recognise(path)
        if format_.name not in declared.GENERAL:
            return format_, format_.read(path, context)
    except (UnknownFormat, MissingColumn, MissingUnit) as error:
        refusal = error
    declaration = declared.fitting(path, context.declared)
    if declaration is not None:
        return declared.DECLARED, declared.read(path, declaration, context)
    if refusal is not None or format_ is None:
        raise refusal or UnknownFormat("No reader recognises the content.", fix=DECLARE)
    return format_, format_.read(path, context)


def _printable(text: str) -> str:
    """Without the NUL and other control characters of damaged files, which no database keeps."""
    plain = "".join(mark if mark.isprintable() else "\ufffd" for mark in text[:LONGEST_TEXT])
    return plain if len(text) <= LONGEST_TEXT else f"{plain} …"


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        raise UnreadableFile("This is a folder, not a file.", fix="Choose a file inside it.")
    if path.exists() and not path.is_file():
        raise UnreadableFile(
            "This is a device or a pipe, not a file.", fix="Choose a file that the cycler wrote."
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
        raise UnreadableFile(
            "The file is empty (0 bytes).",
            fix="Copy it again from the cycler; if the test is running, wait for its first record.",
        )
    return head
