"""The instrument's own counters of charge and energy, compared with the integral of its records."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from cycling.formats.base import Finding

TOLERANCE = 0.01
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
    flow = pl.col("current_ampere").cast(pl.Float64)
    if counter.is_energy:
        flow = flow * pl.col("voltage_volt").cast(pl.Float64)
    if counter.side:
        flow = (flow * counter.side).clip(lower_bound=0.0)
    step = pl.col("step_count")
    hours = pl.col("test_time_second").diff() / SECONDS_PER_HOUR
    within = step == step.shift()
    counted = pl.col(counter.column).cast(pl.Float64)
    return (
        frame.lazy()
        .select(
            step,
            moved=pl.when(within).then((flow + flow.shift()) / 2 * hours),
            doubt=pl.when(within).then((flow - flow.shift()).abs() / 2 * hours),
            counted=counted,
        )
        .group_by("step_count", maintain_order=True)
        .agg(
            pl.col("moved").sum().abs(),
            pl.col("doubt").sum(),
            (pl.col("counted").last() - pl.col("counted").first()).abs().alias("counted"),
            pl.col("moved").abs().sum().alias("both_ways"),
        )
        # A step that moves charge both ways has no single number to compare.
        .filter(pl.col("both_ways") <= 1.05 * pl.col("moved"))
        .collect()
    )


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
    return tuple(
        step
        for step in RESOLUTIONS
        if bool((((parts := some / step) - parts.round()).abs() < 1e-3).all())
    )
