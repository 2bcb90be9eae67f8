"""Tables of mass ratios: a column ``file``, then one per component."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from battery_db.lib.errors import LabError


def parse_ratios(text: str) -> tuple[tuple[str, ...], dict[str, list[float] | None]]:
    """Components and known ratios of a table with the columns ``file``, component, component …

    A row without numbers is an unknown mixture. Ratios above 1 that sum to 100 are read
    as percent. Raises LabError, naming the row, for what is neither.
    """
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4000], ",;\t")
    except csv.Error:
        dialect = csv.excel
    rows = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff")), dialect) if any(row)]
    if len(rows) < 2 or len(rows[0]) < 3:
        raise LabError(
            "The table needs a header with 'file' and at least two components, and a row per"
            " sample.",
            fix="Download the template and fill it in.",
        )
    components = tuple(name.strip() for name in rows[0][1:] if name.strip())
    known: dict[str, list[float] | None] = {}
    for number, row in enumerate(rows[1:], 2):
        name = row[0].strip()
        if not name:
            raise LabError(f"Line {number} names no file.", fix="Fill in its first column.")
        if name in known:
            raise LabError(f"Line {number}: {name} was named before.", fix="Keep one row per file.")
        known[name] = ratios_of(row[1 : len(components) + 1], components, f"Line {number} ({name})")
    return components, known


def ratios_of(cells: Sequence[str], components: Sequence[str], where: str) -> list[float] | None:
    texts = [cell.strip().replace(",", ".").rstrip("%").strip() for cell in cells]
    if not any(texts):
        return None
    try:
        values = [float(text) if text else 0.0 for text in texts]
    except ValueError as error:
        raise LabError(
            f"{where}: a ratio is not a number: {', '.join(cells)}.", fix="Correct it."
        ) from error
    values += [0.0] * (len(components) - len(values))
    total = sum(values)
    if 98 <= total <= 102:
        values, total = [value / 100 for value in values], total / 100
    if min(values) < 0 or abs(total - 1) > 0.02:
        raise LabError(
            f"{where}: mass ratios must be 0 or more and sum to 1 (or 100 %); they sum to {total:g}.",
            fix="Correct that row.",
        )
    return [value / total for value in values]


def pair(
    known: Mapping[str, list[float] | None], filenames: Collection[str]
) -> dict[str, list[float] | None]:
    """The ratios by file name; a row names its file with or without its ending.

    Raises LabError for rows without a file, for two rows of one file, and for a row
    that several files fit.
    """
    by_stem: dict[str, list[str]] = {}
    for filename in filenames:
        by_stem.setdefault(filename.rpartition(".")[0], []).append(filename)
    fitting = {row: [row] if row in filenames else by_stem.get(row, []) for row in known}
    missing = [row for row, found in fitting.items() if not found]
    if missing:
        raise LabError(
            f"The table names {len(missing)} files that are not there: {', '.join(missing[:5])}.",
            fix="Choose these files too, or correct the first column.",
        )
    row_of: dict[str, str] = {}
    for row, found in fitting.items():
        if len(found) > 1:
            raise LabError(
                f"The table's row {row} fits several files: {', '.join(sorted(found)[:5])}.",
                fix="Write the file's ending, too.",
            )
        if (other := row_of.setdefault(found[0], row)) != row:
            raise LabError(
                f"The table's rows {other} and {row} both name the file {found[0]}.",
                fix="Keep one row per file.",
            )
    return {filename: known[row] for filename, row in row_of.items()}


def in_order(
    known: Mapping[str, list[float] | None], given: Sequence[str], wanted: Sequence[str]
) -> dict[str, list[float] | None]:
    """Ratios with the columns ``given`` in the order ``wanted``; absent ones are 0."""
    place = {name.lower(): index for index, name in enumerate(given)}
    strange = [name for name in given if name.lower() not in {n.lower() for n in wanted}]
    if strange:
        raise LabError(
            f"The table has {', '.join(strange)}; the components are {', '.join(wanted)}.",
            fix="Name the columns of the table as the components.",
        )
    columns = [place.get(name.lower()) for name in wanted]
    return {
        name: None if row is None else [0.0 if c is None else row[c] for c in columns]
        for name, row in known.items()
    }


def as_table(components: Sequence[str], rows: Iterable[tuple[str, Sequence[float]]]) -> str:
    """A table of ratios as ``parse_ratios`` reads it."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(("file", *components))
    for name, ratio in rows:
        writer.writerow((name, *(f"{value:.4f}" for value in ratio)))
    return target.getvalue()
