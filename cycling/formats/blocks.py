"""Text files block by block, for as long as nothing about them is odd.

A reader takes the blocks of a plain file in a fixed amount of memory, and in a fraction of
the time of whole columns of text. At the first thing that a decision over the whole file
would be needed for (a cell that is no number, a cut last line, an hour that the clock
repeats) ``Odd`` is raised, and the reader begins again with the file as a whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import polars as pl

from battery_db.lib.encodings import HEAD_BYTES, detect_encoding
from battery_db.lib.series import narrow
from cycling.formats.base import ReadContext, Reading
from cycling.formats.text import split_cells

BLOCK_BYTES = 4 * 1024 * 1024
# Encodings in which a byte that reads as a line feed is one.
BY_LINES = ("utf-8", "gb18030", "cp1252")


class Odd(Exception):
    """Something that can only be judged with the whole file at hand."""


def plainly(
    fast: Callable[[Path, ReadContext], Reading], whole: Callable[[Path, ReadContext], Reading]
) -> Callable[[Path, ReadContext], Reading]:
    """The reader that is ``fast`` with plain files and ``whole`` with odd ones.

    Its floats have the precision that is stored, either way.
    """

    def read(path: Path, context: ReadContext) -> Reading:
        try:
            return fast(path, context)
        except Odd:
            reading = whole(path, context)
            return replace(reading, frame=narrow(reading.frame))

    return read


def encoding_of(path: Path) -> str:
    """Of a file that can be read by blocks; raises Odd otherwise."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    encoding = detect_encoding(head)
    if encoding not in BY_LINES:
        raise Odd
    return "ascii" if head.isascii() else encoding


def blocks_of(path: Path, encoding: str, size: int) -> Iterator[bytes]:
    """Whole lines in UTF-8, each ended by one line feed. Raises Odd."""
    with path.open("rb") as file:
        for lines in _raw(file, size):
            yield _clean(lines, encoding)


def _raw(file: IO[bytes], size: int) -> Iterator[bytes]:
    rest = b""
    while part := file.read(size):
        place = part.rfind(b"\n") + 1
        if place:
            yield rest + part[:place]
            rest = part[place:]
        else:
            rest += part
            if len(rest) > 2 * size:
                raise Odd
    if rest:
        raise Odd


def _clean(lines: bytes, encoding: str) -> bytes:
    if not lines.isascii():
        try:
            text = lines.decode(encoding)
        except UnicodeDecodeError as error:
            raise Odd from error
        lines = text.lstrip("\ufeff").encode()
    if b"\r" in lines:
        lines = lines.replace(b"\r\n", b"\n")
        if b"\r" in lines:
            raise Odd
    if b"\0" in lines:
        raise Odd
    return lines


def cells_of(
    body: bytes, separator: str, width: int, kinds: dict[str, pl.DataType]
) -> pl.DataFrame:
    """Typed cells of lines, the columns named by position as in ``kinds``. Raises Odd."""
    header = separator.join(str(i) for i in range(width)).encode()
    try:
        return split_cells(header + b"\n" + body, separator, list(kinds), kinds)
    except pl.exceptions.PolarsError as error:
        raise Odd from error


def joined(pieces: list[pl.DataFrame]) -> pl.DataFrame:
    """The pieces below each other, which are used up: one column at a time is held twice."""
    if not pieces:
        raise Odd
    names = pieces[0].columns
    return pl.DataFrame(
        [pl.concat([piece.drop_in_place(name) for piece in pieces], rechunk=True) for name in names]
    )
