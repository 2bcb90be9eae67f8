"""The instrument's own counters of charge and energy, compared with the integral of its records."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cycling.formats.base import Finding

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TOLERANCE = 0.01
BLOCK_ROWS = 16_384  # rows at a time, so that what is derived of them stays in the cache
# Steps that move less than this share of the largest are too small to compare.
COMPARED_SHARE = 0.02
SECONDS_PER_HOUR = 3600.0
# The values that tell what a counter is printed in: all of the first rows, then one in so many.
EVERY_ROW, SAMPLED_ROWS = 2000, 64
# Steps of what cyclers print: decimal fractions of an ampere hour or ampere second.
RESOLUTIONS = sorted(
    [10.0**-k for k in range(2, 10)] + [10.0**-k / 3600 for k in range(7)], reverse=True
)


@dataclass(frozen=True, slots=True)
class Counter:
    """A column that counts ``what``; ``side`` is 1 or -1 for one direction only, 0 for both."""

    column: str
    what: str
    unit: str
    side: int = 0

    @property
    def is_energy(self) -> bool:
        return self.unit == "Wh"


SPARSE = (
    " The current changed between records that lie too far apart to tell; where a sum matters, "
    "the instrument's is the better one."
)
COUNTERS = (
    Counter("step_cumulative_capacity_ah", "capacity", "Ah"),
    Counter("charging_capacity_ah", "charge capacity", "Ah", 1),
    Counter("discharging_capacity_ah", "discharge capacity", "Ah", -1),
    Counter("step_cumulative_energy_wh", "energy", "Wh"),
    Counter("charging_energy_wh", "charge energy", "Wh", 1),
    Counter("discharging_energy_wh", "discharge energy", "Wh", -1),
)


@dataclass(frozen=True, slots=True)
class Tally:
    """What one counter and the records say of each step; see ``_steps`` for the columns.

    ``resolutions`` are the steps of ``RESOLUTIONS`` that the counter's values are all
    multiples of. Tallies of consecutive whole steps add up to that of all of them.
    """

    steps: pl.DataFrame
    resolutions: tuple[float, ...]

    def __add__(self, later: "Tally") -> "Tally":
        both = set(later.resolutions)
        kept = tuple(step for step in self.resolutions if step in both)
        return Tally(pl.concat([self.steps, later.steps]), kept)


def compare(frame: pl.DataFrame) -> list[Finding]:
    """A finding for each counter that differs by more than 1 % over some step.

    Between two records the trapezium errs by at most half the change times the time
    between. A difference that this explains says that the records are too sparse to tell
    (``capacity_undersampled``), not that one of the two is wrong.
    """
    return judge(tallies(frame))


def tallies(frame: pl.DataFrame, first_row: int = 0) -> dict[str, Tally]:
    """Counter column -> its tally over ``frame``, whose first record is a file's ``first_row``."""
    if "step_count" not in frame.columns:
        return {}
    return {
        counter.column: Tally(
            _steps(frame, counter), _resolutions(frame[counter.column], first_row)
        )
        for counter in COUNTERS
        if counter.column in frame.columns
    }


def tallies_before(found: Mapping[str, Tally], frame: pl.DataFrame) -> dict[str, Tally]:
    """Of the tallies of a file those of its first records ``frame``, which end with a step."""
    last = frame["step_count"][-1] if found else None
    return {
        name: Tally(tally.steps.filter(pl.col("step_count") <= last), _resolutions(frame[name], 0))
        for name, tally in found.items()
    }


def judge(found: Mapping[str, Tally]) -> list[Finding]:
    """What ``compare`` tells, from the tallies of a whole file."""
    return [
        finding
        for counter in COUNTERS
        if counter.column in found
        for finding in _judge(found[counter.column], counter)
    ]


def _judge(tally: Tally, counter: Counter) -> list[Finding]:
    steps = tally.steps
    largest = steps["counted"].max()
    if not isinstance(largest, float) or largest <= 0:
        return []
    slack = 2 * max(tally.resolutions, default=0.0)
    difference = (pl.col("moved") - pl.col("counted")).abs()
    compared = steps.filter(pl.col("counted") > COMPARED_SHARE * largest).with_columns(
        share=difference / pl.col("counted"),
        is_wrong=difference > TOLERANCE * pl.col("counted") + slack,
        is_told=difference <= TOLERANCE * pl.col("counted") + slack + pl.col("doubt"),
    )
    wrong = compared.filter("is_wrong")
    name = "energy" if counter.is_energy else "capacity"
    return [
        _finding(f"{name}_{kind}", some, compared.height, counter, reason)
        for kind, some, reason in (
            ("mismatch", wrong.filter(~pl.col("is_told")), ""),
            (
                "undersampled",
                wrong.filter("is_told"),
                SPARSE,
            ),
        )
        if some.height
    ]


def _steps(frame: pl.DataFrame, counter: Counter) -> pl.DataFrame:
    """Per step what the counter gained and what the records moved, and how sure that is."""
    number = frame["step_count"].cast(pl.Int64).fill_null(-1).to_numpy()
    start = np.concatenate([[0], np.flatnonzero(number[1:] != number[:-1]) + 1])
    values = frame[counter.column].cast(pl.Float64).fill_null(np.nan)
    gained = values.gather(np.append(start[1:], len(number)) - 1) - values.gather(start)
    moved, doubt, both_ways = (np.empty(len(start)) for _ in range(3))
    for first, last in _whole_steps(start):
        begin = start[first]
        rows = frame.slice(begin, (start[last] if last < len(start) else len(number)) - begin)
        found = _flows(rows, counter, start[first:last] - begin)
        moved[first:last], doubt[first:last], both_ways[first:last] = found
    steps = pl.DataFrame(
        {
            "step_count": number[start],
            "moved": np.abs(moved),
            "doubt": doubt,
            "counted": gained.abs(),
            "both_ways": both_ways,
        }
    ).with_columns(pl.col("counted").fill_nan(None))
    # A step that moves charge both ways has no single number to compare.
    return steps.filter(pl.col("both_ways") <= 1.05 * pl.col("moved"))


def _whole_steps(start: Ints) -> Iterator[tuple[int, int]]:
    """First and last step (excluded) of stretches of about ``BLOCK_ROWS`` rows."""
    first = 0
    while first < len(start):
        last = int(np.searchsorted(start, start[first] + BLOCK_ROWS, "right"))
        yield first, max(last, first + 1)
        first = max(last, first + 1)


def _flows(rows: pl.DataFrame, counter: Counter, start: Ints) -> tuple[Floats, Floats, Floats]:
    """Charge or energy that steps moved, how unsure it is, and what they moved both ways."""
    flow = rows["current_ampere"].cast(pl.Float64).to_numpy()
    if counter.is_energy:
        flow = flow * rows["voltage_volt"].cast(pl.Float64).to_numpy()
    if counter.side:
        flow = np.maximum(flow * counter.side, 0.0)
    hours = np.diff(rows["test_time_second"].to_numpy(), prepend=0.0) / SECONDS_PER_HOUR
    hours[start] = 0.0  # what is between two steps belongs to neither
    before = np.concatenate([flow[:1], flow[:-1]])
    moved = (flow + before) / 2 * hours
    doubt = np.abs(flow - before) / 2 * hours
    sums = (np.add.reduceat(each, start) for each in (moved, doubt, np.abs(moved)))
    return next(sums), next(sums), next(sums)


def _finding(
    code: str, some: pl.DataFrame, compared: int, counter: Counter, reason: str
) -> Finding:
    worst = some.sort("share", descending=True).row(0, named=True)
    integrated = "current times voltage" if counter.is_energy else "current"
    text = (
        f"In {some.height} of {compared} steps the instrument's {counter.what} differs by more "
        f"than {TOLERANCE:.0%} from the integral of {integrated}; most in step "
        f"{worst['step_count']}: {worst['counted']:.6g} {counter.unit} counted, "
        f"{worst['moved']:.6g} {counter.unit} integrated ({worst['share']:.1%})."
    )
    return Finding(code, text + reason)


def _resolutions(counter: pl.Series, first_row: int) -> tuple[float, ...]:
    """The printed steps, coarsest first, that a sample of the counter's values are multiples of.

    The sample is chosen by the place in the file, so that reading it in parts takes the same.
    """
    row = pl.int_range(first_row, first_row + len(counter), eager=True)
    some = counter.cast(pl.Float64).filter((row < EVERY_ROW) | (row % SAMPLED_ROWS == 0))
    some = some.filter(some.is_finite())
    return tuple(step for step in RESOLUTIONS if _are_multiples(some / step))


def _are_multiples(parts: pl.Series) -> bool:
    """Whether all are whole numbers, within the single precision that values are kept in."""
    return bool(((parts - parts.round()).abs() < 1e-3 + 1e-7 * parts.abs()).all())
