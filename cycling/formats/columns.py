"""Tables of any vendor as a standard series: what each header word means there.

A vendor's module gives a ``Dialect``: header words, each with its standard column and, only
where the vendor's own description fixes it, the unit that an unlabelled column has. A unit
in the header always counts. A voltage, current or time without either is refused, with the
way to declare it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import polars as pl

from battery_db.lib.errors import MissingColumn, UnreadableFile
from battery_db.lib.series import COLUMNS, REQUIRED
from cycling.formats.base import Finding, MissingUnit, ReadContext, Reading
from cycling.formats.clocks import first_that_fits, parse_moments, seconds_of, to_unix_seconds
from cycling.formats.step_types import normalise_column, number_steps
from cycling.formats.text import to_number
from cycling.formats.units import base_unit, factor, split_unit


class Usual(NamedTuple):
    """A standard column, and the unit that the vendor's manual gives where none is written."""

    column: str
    unit: str


# A standard column, alone or with the unit that the word itself writes (``mAmps``).
Meaning = str | tuple[str, str] | Usual
FEWEST_UNIX_SECONDS = 1e8  # 1973: a smaller number is no Unix time of a cycler
UNIX_MILLISECONDS = 1e11
DAYS_OF_EXCEL = (20_000.0, 80_000.0)
EXCEL_TO_UNIX_DAYS = 25_569.0
CLOCK_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
NO_UNITS: Mapping[str, str] = {}
DECLARE = (
    "Declare the columns once for the folder, with the unit of each ('Declare columns' on the "
    "file's page); its files are then read by that."
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one vendor words a table.

    ``words`` maps a header word (see ``key_of``) to its meaning. A header that
    holds all of ``marks`` is of this vendor. ``modes``
    maps words of the step column that ``step_types`` does not know. ``moments`` are
    ``strptime`` formats of the clock, tried before the usual ones.
    """

    words: Mapping[str, Meaning]
    marks: frozenset[str] = frozenset()
    modes: Mapping[str, str] = field(default_factory=dict)
    moments: tuple[str, ...] = ()
    clock_is_utc: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One header cell that has a meaning: its place, its text and its unit.

    ``is_usual`` says that the unit is the vendor's, not the header's.
    """

    index: int
    text: str
    unit: str | None
    is_usual: bool = False


@dataclass(slots=True)
class Work:
    """What reading a column needs to know, and what was noticed."""

    dialect: Dialect
    context: ReadContext
    separator: str = ","
    findings: list[Finding] = field(default_factory=list)


def key_of(cell: str) -> tuple[str, str | None]:
    """Header word in lower case with single spaces, and its unit if it writes one."""
    word, unit = split_unit(cell.strip().strip('"'))
    if unit is None and "/" in word:
        left, _, right = word.partition("/")
        word, unit = left, right.strip() or None
    key = re.sub(r"[\s_.~]+", " ", word.lower()).strip()
    return key, unit


def find_columns(
    header: Sequence[str], dialect: Dialect, units: Mapping[str, str] = NO_UNITS
) -> dict[str, Found]:
    """Standard column -> header cell; the first of several with one meaning counts.

    ``units`` are those that a person declared for header words without one.
    """
    found: dict[str, Found] = {}
    for index, cell in enumerate(header):
        key, unit = key_of(cell)
        meaning = dialect.words.get(f"{key} ({(unit or '').lower()})", dialect.words.get(key))
        if meaning is None:
            continue
        column, usual = (meaning, None) if isinstance(meaning, str) else meaning
        said = unit or units.get(key)
        is_usual = said is None and isinstance(meaning, Usual)
        found.setdefault(column, Found(index, cell.strip(), said or usual, is_usual))
    return found


def is_header(header: Sequence[str], dialect: Dialect) -> bool:
    """Whether a line names all marks of the dialect, and time, voltage and current."""
    keys = {key_of(cell)[0] for cell in header}
    return dialect.marks <= keys and not _missing(find_columns(header, dialect))


def read_columns(
    cells: Sequence[pl.Series],
    header: Sequence[str],
    dialect: Dialect,
    context: ReadContext,
    separator: str = ",",
) -> Reading:
    """Columns of text as a standard series.

    Raises MissingColumn or MissingUnit where time, voltage or current can not be had.
    """
    columns = find_columns(header, dialect, context.units)
    _check_columns(columns, header)
    return read_found(cells, columns, dialect, context, separator)


def read_found(
    cells: Sequence[pl.Series],
    columns: Mapping[str, Found],
    dialect: Dialect,
    context: ReadContext,
    separator: str = ",",
) -> Reading:
    """The same for columns that are known by their place. Raises MissingUnit."""
    if not cells or cells[0].is_empty():
        raise UnreadableFile(
            "The file has a header but holds no data row.",
            fix="Check on the cycler that the test has started.",
        )
    work = Work(dialect, context, separator)
    columns = _with_time_units(columns, cells, work)
    _tell_usual_units(columns, work)
    series = [
        values.alias(name)
        for name, found in columns.items()
        if found.index < len(cells)
        and (values := _values(name, found, cells[found.index], work)) is not None
    ]
    return Reading(finish(pl.DataFrame(series)), findings=tuple(work.findings))


def finish(frame: pl.DataFrame) -> pl.DataFrame:
    """Add our step numbers, and the test time where only that of each step is known."""
    if "step_type" in frame.columns:
        frame = frame.with_columns(polarise(frame))
    numbers = None if "step_count" in frame.columns else number_steps(frame)
    if numbers is not None:
        frame = frame.with_columns(numbers)
    if "test_time_second" in frame.columns or "step_time_second" not in frame.columns:
        return frame
    time = pl.col("step_time_second")
    steps = frame.group_by("step_count", maintain_order=True).agg(last=time.max().fill_null(0.0))
    before = steps.select("step_count", start=pl.col("last").cum_sum().shift(fill_value=0.0))
    return frame.join(before, on="step_count", how="left", maintain_order="left").select(
        pl.exclude("start"), (time + pl.col("start")).alias("test_time_second")
    )


def polarise(frame: pl.DataFrame) -> pl.Series:
    """``step_type`` with the direction of a step's charge where its word tells only the mode.

    Words that end in an underscore (``cc_``, ``cv_``) become charge or discharge by the sum
    of current over the step, and rest when there is none.
    """
    kind = frame["step_type"].cast(pl.String)
    if not kind.str.ends_with("_").any() or "current_ampere" not in frame.columns:
        return kind
    keys = [c for c in ("cycle_count", "step_id", "step_type") if c in frame.columns]
    runs = frame.select(pl.struct(keys).rle_id().alias("run"), "current_ampere")
    moved = runs.select(pl.col("current_ampere").sum().over("run")).to_series()
    ending = pl.select(
        pl.when(moved > 0).then(pl.lit("charge")).when(moved < 0).then(pl.lit("discharge"))
    ).to_series()
    words = pl.DataFrame({"kind": kind, "ending": ending})
    return words.select(
        pl.when(~pl.col("kind").str.ends_with("_"))
        .then("kind")
        .otherwise(pl.coalesce(pl.col("kind") + pl.col("ending"), pl.lit("rest")))
        .alias("step_type")
    ).to_series()


def _missing(columns: Mapping[str, Found]) -> list[str]:
    missing = [name for name in ("voltage_volt", "current_ampere") if name not in columns]
    if not {"test_time_second", "step_time_second"} & set(columns):
        missing.append("test_time_second")
    return missing


def _check_columns(columns: Mapping[str, Found], header: Sequence[str]) -> None:
    missing = _missing(columns)
    if missing:
        listed = ", ".join(f"'{cell.strip()}'" for cell in header if cell.strip())[:300]
        raise MissingColumn(
            f"The table has no column that is known as {', '.join(missing)}; found: {listed}.",
            fix=f"Export it again with time, voltage and current. Or: {DECLARE}",
        )


def _with_time_units(
    columns: Mapping[str, Found], cells: Sequence[pl.Series], work: Work
) -> Mapping[str, Found]:
    """Let a clock beside it tell the unit of a time column that names none."""
    clock = columns.get("unix_time_second")
    unknown = [
        name
        for name in ("test_time_second", "step_time_second")
        if name in columns
        and columns[name].unit is None
        and not _is_clock(cells[columns[name].index])
    ]
    if clock is None or not unknown or clock.index >= len(cells):
        return columns
    aside = Work(work.dialect, work.context, work.separator)
    unix = read_clock(cells[clock.index], aside)
    if unix is None:
        return columns
    columns = dict(columns)
    for name in unknown:
        found = columns[name]
        unit = _unit_by_clock(to_number(cells[found.index], work.separator), unix)
        if unit is not None:
            columns[name] = replace(found, unit=unit)
            text = f"Column '{found.text}' names no unit; the clock beside it shows {unit}."
            work.findings.append(Finding("unit_by_clock", text))
    return columns


def _unit_by_clock(time: pl.Series, unix: pl.Series) -> str | None:
    """``s``, ``min`` or ``h`` when most steps of the clock are that many times those of time."""
    ratio = unix.diff() / time.diff()
    ratio = ratio.filter(ratio.is_finite() & (time.diff() > 0))
    middle = ratio.median()
    if not isinstance(middle, float):
        return None
    return next((u for u, s in CLOCK_UNITS.items() if abs(middle / s - 1) < 0.02), None)


def _tell_usual_units(columns: Mapping[str, Found], work: Work) -> None:
    usual = [f"'{found.text}' ({found.unit})" for found in columns.values() if found.is_usual]
    if usual:
        text = f"Columns that name no unit were read in the vendor's own: {', '.join(usual)}."
        work.findings.append(Finding("unit_of_format", text))


def _values(name: str, found: Found, text: pl.Series, work: Work) -> pl.Series | None:
    if name == "step_type":
        return _modes(text, work.dialect)
    if name == "unix_time_second":
        return read_clock(text, work)
    kind = COLUMNS[name]
    if kind.is_integer():
        return to_number(text, work.separator).round().cast(kind, strict=False)
    base = base_unit(name)
    if base == "s" and _is_clock(text):
        return seconds_of(text)
    return to_unit(text, found, name, work)


def to_unit(text: pl.Series, found: Found, name: str, work: Work) -> pl.Series | None:
    """Numbers in the unit of the standard column ``name``; None for one to leave out."""
    base = base_unit(name)
    scale = factor(found.unit, base) if found.unit and base else None
    if scale is not None:
        return to_number(text, work.separator) * scale
    if name in REQUIRED or name == "step_time_second":
        said = f"its unit '{found.unit}' is not known" if found.unit else "it names no unit"
        raise MissingUnit(f"Column '{found.text}' can not be read: {said}.", fix=DECLARE)
    reason = f"its unit '{found.unit}' is not known" if found.unit else "it names no unit"
    text_ = f"Column '{found.text}' was left out: {reason}."
    work.findings.append(Finding("column_left_out", text_))
    return None


def _modes(text: pl.Series, dialect: Dialect) -> pl.Series:
    if not dialect.modes:
        return normalise_column(text)
    plain = text.cast(pl.String).str.strip_chars(" ")
    known = plain.str.to_lowercase().replace_strict(
        dict(dialect.modes), default=None, return_dtype=pl.String
    )
    return known.fill_null(normalise_column(plain).cast(pl.String))


def _is_clock(text: pl.Series) -> bool:
    first = text.drop_nulls().first()
    return isinstance(first, str) and ":" in first


def read_clock(text: pl.Series, work: Work) -> pl.Series | None:
    """UTC Unix seconds of moments, of Unix time in s or ms, or of days since 1899-12-30."""
    filled = text.drop_nulls()
    if filled.is_empty():
        return None
    if to_number(filled.head(1), work.separator).null_count() == 0:
        return _numeric_clock(to_number(text, work.separator), work)
    plain = text.str.strip_chars(" \t")
    naive = first_that_fits(plain, work.dialect.moments) if work.dialect.moments else None
    more: list[Finding] = []
    if naive is None or naive.null_count() == len(naive):
        naive, more = parse_moments(plain)
    if naive.null_count() == len(naive):
        work.findings.append(
            Finding(
                "clock_unreadable",
                f"The clock reads '{filled[0]}', which is no known form; left out.",
            )
        )
        return None
    unix, late = to_unix_seconds(
        naive, "UTC" if work.dialect.clock_is_utc else work.context.time_zone
    )
    work.findings.extend((*more, *late))
    return unix


def _numeric_clock(numbers: pl.Series, work: Work) -> pl.Series | None:
    first = float(numbers.drop_nulls().first())  # type: ignore[arg-type]
    if first > UNIX_MILLISECONDS:
        return numbers / 1000
    if first > FEWEST_UNIX_SECONDS:
        return numbers
    if not DAYS_OF_EXCEL[0] < first < DAYS_OF_EXCEL[1]:
        return None
    micro = ((numbers - EXCEL_TO_UNIX_DAYS) * 86_400e6).round()
    naive = micro.cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    unix, more = to_unix_seconds(naive, work.context.time_zone)
    work.findings.extend(more)
    return unix
