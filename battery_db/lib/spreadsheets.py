"""Tables for spreadsheets: CSV whose cells are data, whatever people wrote in them.

A spreadsheet runs what begins with one of a few signs as a formula, also in a file from
elsewhere (OWASP, "CSV Injection"). An apostrophe before it makes it text again.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: object) -> object:
    """``value``; text that could run gets an apostrophe, numbers stay numbers.

    >>> safe_cell("=cmd|'/c calc'!A0"), safe_cell(-1.5), safe_cell(None)
    ("'=cmd|'/c calc'!A0", -1.5, '')
    """
    if value is None:
        return ""
    if isinstance(value, str) and value.lstrip(" ").startswith(_STARTS_FORMULA):
        return f"'{value}"
    return value


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lines of a CSV file, made one by one; the first one begins with the mark of UTF-8."""
    writer = csv.writer(_Echo())
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}"
    for row in rows:
        yield mark + writer.writerow([safe_cell(value) for value in row])
        mark = ""


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line
