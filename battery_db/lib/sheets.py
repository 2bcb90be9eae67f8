"""Tables that people open in a spreadsheet."""

import csv
import re
from collections.abc import Iterable, Iterator

# A cell that starts like this is run as a formula by Excel, LibreOffice or Google Sheets
# (OWASP, CSV Injection).
_FORMULA = re.compile(r"[=+\-@\t\r\n|%]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class _Echo:
    def write(self, line: str) -> str:
        return line


def safe_cell(value: object) -> str:
    """``value`` as text that no spreadsheet takes for a formula; numbers stay numbers."""
    text = "" if value is None else str(value)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Lines of a CSV file in UTF-8 with the mark by which Excel knows it."""
    writer = csv.writer(_Echo())
    yield "\ufeff"
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])
