"""How half-cycles were driven: constant current, a voltage hold, power, pulses, a profile.

What the instrument calls a step is believed; where it calls it nothing, or only a charge,
the records tell: what stayed constant is what was controlled. The modes of a half-cycle's
steps then give it one label.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from cycling.steps import Bools, Floats, Ints, Rows, Steps

# Label -> how it is called, in the order in which it is shown.
TITLES: Mapping[str, str] = {
    "cc": "constant current (CC)",
    "cccv": "constant current, then voltage (CCCV)",
    "cv": "constant voltage (CV)",
    "steps": "several constant currents",
    "cp": "constant power (CP)",
    "cpcv": "constant power, then voltage (CPCV)",
    "cr": "constant resistance (CR)",
    "pulses": "pulses",
    "profile": "varying (drive cycle, sweep)",
    "mixed": "several modes",
}
# Of a step, in the words of ``cycling.formats.step_types``.
_WORDS = {
    "cc": "cc", "cccv": "cccv", "cv": "cv", "cp": "cp", "cpcv": "cpcv", "cr": "cr",
    "crcv": "mixed", "pulse": "pulse", "simulation": "profile",
}  # fmt: skip
# Smallest over largest of what is controlled; records of switching are left out.
CONSTANT = 0.97
NEARLY_CONSTANT = 0.9
HOLD_VOLT = 0.015
# A part that moved less than this share of the charge does not name a half-cycle.
NAMING_SHARE = 0.02
# Stretches of current, parted by rests or by the other polarity.
PULSES = 4
LEVELS_APART = 1.1
# A current that decays from the start moves a tenth of its charge while nearly constant.
CONSTANT_PART = 0.2
EDGE = 5  # rows that a step has at least, for its first and last to be left out


def modes_of(
    frame: pl.DataFrame, rows: Rows, steps: Steps, members: Ints, of_member: Ints
) -> list[str]:
    """One label of ``TITLES`` per half-cycle; ``of_member`` says whose each member step is."""
    if not len(members):
        return []
    kinds, levels = _steps(frame, rows, steps)
    charge = np.abs(steps.charge_ah)
    order = np.argsort(of_member, kind="stable")
    edges = np.flatnonzero(np.diff(of_member[order])) + 1
    labels = []
    for part in np.split(members[order], edges):
        own = charge[part]
        naming = part[own >= NAMING_SHARE * own.sum()]
        stretches = int(np.count_nonzero(np.diff(part) > 1)) + 1
        labels.append(_label([kinds[i] for i in naming], levels[naming], stretches))
    return labels


def _label(kinds: list[str], levels: Floats, stretches: int) -> str:
    """Of the steps that moved most of the charge, in order of time."""
    found = set(kinds)
    if "profile" in found:
        return "profile"
    if "pulse" in found or stretches >= PULSES:
        varied = len(levels) > PULSES and levels.max() > 2 * levels.min()
        return "profile" if varied and "pulse" not in found else "pulses"
    if found == {"cc"}:
        return "steps" if levels.max() > LEVELS_APART * levels.min() else "cc"
    if found <= {"cc", "cccv", "cv"} and kinds[-1] != "cc":
        return "cccv" if found != {"cv"} else "cv"
    if found == {"cp", "cv"}:
        return "cpcv"
    return kinds[0] if len(found) == 1 else "mixed"


def _steps(frame: pl.DataFrame, rows: Rows, steps: Steps) -> tuple[list[str], Floats]:
    """The mode of each step, and its largest current."""
    current = np.abs(rows.current)
    lowest, highest = _range(current, steps)
    steady = _ratio(lowest, highest)
    power = _ratio(*_range(current * np.abs(rows.voltage), steps))
    falling = current < NEARLY_CONSTANT * np.repeat(highest, steps.stop - steps.start)
    held = _held(rows.voltage, falling, steps)
    flowed = np.abs(steps.row_charge_ah)
    before = np.add.reduceat(np.where(falling, 0.0, flowed), steps.start)
    begins_constant = before > CONSTANT_PART * np.add.reduceat(flowed, steps.start)
    told = np.select(
        [steady >= CONSTANT, power >= CONSTANT, steady >= NEARLY_CONSTANT, held & begins_constant, held],
        ["cc", "cp", "cc", "cccv", "cv"],
        "profile",
    )  # fmt: skip
    kinds = told.tolist()
    for place, word in enumerate(_words(frame, steps)):
        kinds[place] = _WORDS.get(word, kinds[place])
    return kinds, highest


def _words(frame: pl.DataFrame, steps: Steps) -> list[str]:
    if "step_type" not in frame.columns:
        return []
    words = frame["step_type"].cast(pl.String)[steps.start].fill_null("")
    return words.str.split("_").list.first().to_list()


def _range(values: Floats, steps: Steps) -> tuple[Floats, Floats]:
    """Smallest and largest of each step, without its first and last record if it is long."""
    long = (steps.stop - steps.start) >= EDGE
    bounds = np.stack([steps.start + long, steps.stop - long], axis=1).ravel()
    padded = np.append(values, values[-1:])
    lowest: Floats = np.minimum.reduceat(padded, bounds)[::2]
    highest: Floats = np.maximum.reduceat(padded, bounds)[::2]
    return lowest, highest


def _ratio(lowest: Floats, highest: Floats) -> Floats:
    result = np.zeros(len(highest))
    np.divide(lowest, highest, out=result, where=highest > 0)
    return result


def _held(voltage: Floats, falling: Bools, steps: Steps) -> Bools:
    """Whether the voltage stood still where the current had fallen."""
    lowest = np.minimum.reduceat(np.where(falling, voltage, np.inf), steps.start)
    highest = np.maximum.reduceat(np.where(falling, voltage, -np.inf), steps.start)
    held: Bools = highest - lowest <= HOLD_VOLT
    return held
