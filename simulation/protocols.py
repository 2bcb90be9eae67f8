"""What the cycler was told to do: half-cycles one after another."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

REST_HOUR = 1 / 6


@dataclass(frozen=True, slots=True)
class CycleProgram:
    """One cycle: rest, charge, rest, discharge. Rates in C of the nominal capacity.

    A charge with ``cv_end_rate`` holds the upper cut-off until the current has fallen to
    it. ``stop_after`` is the fraction of the discharge after which somebody pulled the
    plug. ``step_id`` is the program's number of the cycle's first step.
    """

    charge_rate: float
    discharge_rate: float
    cv_end_rate: float | None
    step_id: int
    is_check_up: bool = False
    stop_after: float = 1.0


@dataclass(frozen=True, slots=True)
class Protocol:
    """A cell's whole life: formation, then cycling, at one temperature and window."""

    cycles: tuple[CycleProgram, ...]
    lower_cutoff_volt: float
    upper_cutoff_volt: float
    temperature_celsius: float
    formation_cycles: int = 0

    @property
    def cycle_number(self) -> int:
        return len(self.cycles)


FORMATION = (
    CycleProgram(0.05, 0.05, None, 1, is_check_up=True),
    CycleProgram(0.1, 0.1, 0.05, 5),
)
CHECK_UP = CycleProgram(0.05, 0.05, None, 6, is_check_up=True)
RATE_MAP = tuple(
    CycleProgram(0.5, rate, 0.05, 10 + 4 * position)
    for position, rate in enumerate((0.2, 0.5, 1.0, 2.0, 3.0))
)


def cycling_plan(
    cycle_number: int,
    charge_rate: float,
    discharge_rate: float,
    *,
    check_up_every: int = 50,
    rate_map_every: int = 100,
) -> tuple[CycleProgram, ...]:
    """Formation, then ordinary cycles with check-ups and, more rarely, rate maps."""
    ordinary = CycleProgram(charge_rate, discharge_rate, 0.05, 2)
    stream = _endless(ordinary, check_up_every, rate_map_every)
    return (*FORMATION, *(next(stream) for _ in range(cycle_number)))


def interrupted(
    cycles: tuple[CycleProgram, ...], position: int, share: float
) -> tuple[CycleProgram, ...]:
    """The same plan with one discharge cut short after ``share`` of its charge."""
    changed = replace(cycles[position], stop_after=share)
    return (*cycles[:position], changed, *cycles[position + 1 :])


def _endless(ordinary: CycleProgram, check_up: int, rate_map: int) -> Iterator[CycleProgram]:
    number = 0
    while True:
        if number % check_up == 0:
            yield CHECK_UP
        if number and number % rate_map == 0:
            yield from RATE_MAP
        yield ordinary
        number += 1
