"""What the records of a file read so far have to say about those to come.

A ``Past`` is all that the checks and sums of a whole file need of its beginning, so that
reading the rest tells what reading everything would. It adds up: ``NOTHING.after(a).after(b)``
is ``NOTHING.after(a and b)``, where ``b`` begins a step.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl

from battery_db.lib.series import COLUMNS
from cycling.formats.checks import SignCounts, add_signs, clock_falls, count_signs
from cycling.formats.counters import Tally, tallies

_TALLY = ("step_count", "moved", "doubt", "counted", "both_ways")


@dataclass(frozen=True, slots=True)
class Past:
    """Of the first ``rows`` records of a file.

    ``largest_ampere`` is that of the stored currents. ``step_start_second`` is the sum of
    the longest step times of all steps; ``time_is_summed`` says that test time has been
    that sum and the time within the step throughout.
    """

    rows: int = 0
    signs: SignCounts = (0, 0, 0, 0)
    has_discharge: bool = False
    largest_ampere: float = 0.0
    clock_falls: int = 0
    furthest_fall: float = 0.0
    last_clock: float | None = None
    cycles: tuple[int, int] | None = None
    clocks: tuple[float, float] | None = None
    step_start_second: float = 0.0
    time_is_summed: bool = True
    tallies: Mapping[str, Tally] = field(default_factory=dict)

    def after(
        self,
        raw: pl.DataFrame,
        checked: pl.DataFrame,
        found: Mapping[str, Tally] | None = None,
    ) -> "Past":
        """Of these records and more, before and after the repair of signs.

        ``found`` are their tallies, where they are known.
        """
        if not checked.height:
            return self
        current = checked["current_ampere"].cast(COLUMNS["current_ampere"]).cast(pl.Float64).abs()
        signs = count_signs(raw) if "step_type" in raw.columns else (0, 0, 0, 0)
        known = replace(
            self,
            rows=self.rows + checked.height,
            signs=add_signs(self.signs, signs),
            has_discharge=self.has_discharge or bool((raw["current_ampere"] < 0).any()),
            largest_ampere=max(self.largest_ampere, float(current.max() or 0.0)),  # type: ignore[arg-type]
            cycles=_span(self.cycles, checked, "cycle_count"),
            clocks=_span(self.clocks, checked, "unix_time_second"),
            tallies=_added(self.tallies, tallies(checked, self.rows) if found is None else found),
        )
        return known._with_clock(checked)._with_steps(checked)

    def _with_clock(self, checked: pl.DataFrame) -> "Past":
        if "unix_time_second" not in checked.columns:
            return self
        clock = checked["unix_time_second"]
        if self.last_clock is not None:
            clock = pl.concat([pl.Series(clock.name, [self.last_clock], clock.dtype), clock])
        falls, furthest = clock_falls(clock)
        return replace(
            self,
            clock_falls=self.clock_falls + falls,
            furthest_fall=min(self.furthest_fall, furthest),
            last_clock=clock[-1],
        )

    def _with_steps(self, checked: pl.DataFrame) -> "Past":
        if not {"step_time_second", "step_count"} <= set(checked.columns):
            return replace(self, time_is_summed=False)
        summed, end = summed_time(checked, self.step_start_second)
        same = self.time_is_summed and bool((summed == checked["test_time_second"]).all())
        return replace(self, step_start_second=end, time_is_summed=same)

    def dump(self) -> tuple[str, pl.DataFrame]:
        """As JSON, and a table of the tallies with one row per counter and step."""
        told = {name: tally.resolutions for name, tally in self.tallies.items()}
        values = asdict(replace(self, tallies={})) | {"tallies": told}
        tables = [
            tally.steps.select(pl.lit(name).alias("counter"), *_TALLY)
            for name, tally in self.tallies.items()
        ]
        nothing = pl.DataFrame(schema=["counter", *_TALLY])
        return json.dumps(values), pl.concat(tables) if tables else nothing

    @classmethod
    def load(cls, text: str, table: pl.DataFrame) -> "Past":
        """The reverse of ``dump``; ValueError, KeyError or TypeError where it is none."""
        values: dict[str, Any] = json.loads(text)
        told = values.pop("tallies")
        found = {
            name: Tally(table.filter(pl.col("counter") == name).select(_TALLY), tuple(steps))
            for name, steps in told.items()
        }
        for name in ("signs", "cycles", "clocks"):
            values[name] = None if values[name] is None else tuple(values[name])
        return cls(**values, tallies=found)


NOTHING = Past()


def summed_time(frame: pl.DataFrame, start: float) -> tuple[pl.Series, float]:
    """Test time as readers make it where a file tells only the time within each step.

    ``start`` is when the first step of ``frame`` began; the end of its last one comes too.
    """
    time = pl.col("step_time_second")
    steps = frame.group_by("step_count", maintain_order=True).agg(last=time.max().fill_null(0.0))
    sums = pl.concat([pl.Series("last", [start]), steps["last"].cast(pl.Float64)]).cum_sum()
    begins = steps.select("step_count").with_columns(sums[:-1].alias("begin"))
    joined = frame.select("step_count", "step_time_second").join(
        begins, on="step_count", how="left", maintain_order="left"
    )
    return (joined["step_time_second"] + joined["begin"]).alias("test_time_second"), sums[-1]


def _span(known: Any, frame: pl.DataFrame, name: str) -> Any:
    """Lowest and highest of a column, with those already known; None where there are none."""
    if name not in frame.columns:
        return known
    values = frame[name].drop_nans().drop_nulls() if frame[name].dtype.is_float() else frame[name]
    low, high = values.min(), values.max()
    if low is None or high is None:
        return known
    return (low, high) if known is None else (min(known[0], low), max(known[1], high))


def _added(known: Mapping[str, Tally], more: Mapping[str, Tally]) -> dict[str, Tally]:
    return {name: known[name] + tally if name in known else tally for name, tally in more.items()}
