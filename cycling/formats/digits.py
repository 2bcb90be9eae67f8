"""Columns of durations by the places of their digits, a whole column at a time.

Nearly all cyclers print ``h:mm:ss``, with or without decimals. Where every cell of a column
has that shape, eight characters at a time are looked at as one 64-bit word: a quarter of
the time of splitting the text. Where one cell has not, the column is for a parser.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WORD = 8
# The first character of a word is its lowest byte.
ZEROS = np.uint64(int.from_bytes(b"00000000", "little"))
CLOCK = np.uint64(int.from_bytes(b"00:00:00", "little"))
HIGH_HALVES = np.uint64(0xF0F0F0F0F0F0F0F0)
SIXES = np.uint64(0x0606060606060606)
BYTE = np.uint64(0xFF)
# By how many digits at the end of a word count: these bytes, and zeros in the place of others.
KEEP = np.array([(1 << 64) - (1 << 8 * (WORD - n)) for n in range(WORD + 1)], np.uint64)
LEADING = ~KEEP & ZEROS
BLOCK = 8192  # cells at a time, so that what is derived of them stays in the cache


@dataclass(frozen=True, slots=True)
class Cells:
    """The text of a column as words: ``words[i]`` begins at the character ``i`` of all cells.

    Cell ``i`` is the characters from ``start[i]`` to ``stop[i]``, excluded. There is a word
    before the first cell and one after the last.
    """

    words: Words
    start: Ints
    stop: Ints


def cells_of(text: pl.Series) -> Cells | None:
    """None for a column that is no text, is empty or has gaps."""
    if text.dtype != pl.String or text.is_empty() or text.null_count():
        return None
    column = text.rechunk().to_arrow()
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    first, end = int(bounds[0]), int(bounds[-1])
    padded = np.full(end - first + 2 * WORD, ord(" "), np.uint8)
    if data is not None:
        padded[WORD:-WORD] = np.frombuffer(data, np.uint8)[first:end]
    words: Words = np.ndarray((len(padded) - WORD + 1,), np.dtype("<u8"), padded, strides=(1,))
    places = bounds - (first - WORD)
    return Cells(words, places[:-1], places[1:])


def durations(text: pl.Series) -> pl.Series | None:
    """Seconds of ``h:mm:ss`` texts, all with as many decimals; hours may exceed 24.

    None for a column with anything else in it.
    """
    cells = cells_of(text)
    seconds = None if cells is None else _seconds(cells)
    return None if seconds is None else pl.Series(text.name, seconds)


def _seconds(cells: Cells) -> Floats | None:
    decimals = _decimals(cells)
    if decimals > WORD:
        return None
    seconds = np.empty(len(cells.start))
    for first in range(0, len(seconds), BLOCK):
        rows = slice(first, first + BLOCK)
        block = Cells(cells.words, cells.start[rows], cells.stop[rows])
        found = _seconds_of_block(block, decimals)
        if found is None:
            return None
        seconds[rows] = found
    return seconds


def _seconds_of_block(cells: Cells, decimals: int) -> Floats | None:
    end = cells.stop - (decimals + 1 if decimals else 0)
    hour_digits = end - cells.start - (WORD - 2)
    if hour_digits.min() < 1 or hour_digits.max() > WORD:
        return None
    word = cells.words[end - WORD]
    word = np.where(hour_digits == 1, (word & ~BYTE) | np.uint64(ord("0")), word)
    digits = word - CLOCK  # where all is well a digit in each byte, and 0 for the colons
    if not _all_digits(word - CLOCK + ZEROS) or ((digits >> np.uint64(16)) & BYTE).any():
        return None
    if ((digits >> np.uint64(40)) & BYTE).any():
        return None
    pairs = digits * np.uint64(10) + (digits >> np.uint64(WORD))
    hours, minutes, seconds = ((pairs >> np.uint64(place)) & BYTE for place in (0, 24, 48))
    if hour_digits.max() > 2:
        found = _numbers(cells, end - (WORD - 2), hour_digits)
        if found is None:
            return None
        hours = found
    whole = hours.astype(np.float64) * 3600 + minutes.astype(np.float64) * 60
    if not decimals:
        return whole + seconds
    if ((cells.words[end] & BYTE) != ord(".")).any():
        return None
    fraction = _numbers(cells, cells.stop, np.full(len(end), decimals))
    if fraction is None:
        return None
    # One division of whole numbers rounds as a parser of the decimal number does.
    return whole + (seconds * np.uint64(10**decimals) + fraction) / 10.0**decimals


def _decimals(cells: Cells) -> int:
    """How many the first cell has; 0 when it has no point."""
    count = min(int(cells.stop[0] - cells.start[0]), WORD + 1)
    last = [int(cells.words[cells.stop[0] - k] & BYTE) for k in range(1, count + 1)]
    return last.index(ord(".")) if ord(".") in last else 0


def _numbers(cells: Cells, end: Ints, count: Ints) -> Words | None:
    """The whole numbers of up to eight digits that end before ``end``."""
    keep, leading = KEEP[count], LEADING[count]
    word = (cells.words[end - WORD] & keep) | leading
    if not _all_digits(word):
        return None
    digit = word - ZEROS
    pairs = (digit * np.uint64(10) + (digit >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(100) + (pairs >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    numbers: Words = (fours * np.uint64(10_000) + (fours >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    return numbers


def _all_digits(word: Words) -> bool:
    """Whether all bytes are from "0" to "9": then they and they plus six begin with a 3."""
    return bool((((word & HIGH_HALVES) == ZEROS) & (((word + SIXES) & HIGH_HALVES) == ZEROS)).all())
