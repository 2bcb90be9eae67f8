"""What a reader is and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from battery_db.lib.errors import UnreadableFile


class MissingUnit(UnreadableFile):
    """A column that is needed names no unit, and its format gives it none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a user should know about the data; ``code`` is stable, ``text`` is for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A header cell, the standard column that it holds, and its unit ("" for clock times)."""

    header: str
    column: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ColumnDeclaration:
    """What a person said of the tables in a folder.

    ``header_line`` counts from 1; 0 means that there is none, and columns are named
    ``column 1`` and so on. An empty ``separator`` is found by itself. ``clock_format`` is a
    ``strptime`` format. ``reverse_current`` is for files that count discharge as positive.
    """

    name: str
    columns: tuple[DeclaredColumn, ...]
    header_line: int = 1
    separator: str = ""
    clock_format: str = ""
    reverse_current: bool = False


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a file can not say of itself."""

    time_zone: str = "UTC"
    max_rows: int = 200_000_000
    # Header word (``columns.key_of``) -> unit, declared by a person where headers write none.
    units: Mapping[str, str] = field(default_factory=dict)
    declared: tuple[ColumnDeclaration, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A series in BDF machine names (see ``battery_db.lib.series``) and what was noticed.

    Current is positive when it charges, ``unix_time_second`` is UTC, cycle and step
    numbers are the instrument's. ``is_partial`` says that rows of the file are missing.
    """

    frame: pl.DataFrame
    metadata: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: ``sniff(first 64 KiB, file name)`` and ``read(path, context)``."""

    name: str
    version: int
    title: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes, str], bool]
    read: Callable[[Path, ReadContext], Reading]
