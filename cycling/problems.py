"""Kinds of potential problems, in the order in which they are shown (thesis 5.5.3)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A problem as a search finds it; ``key`` tells it from others of its kind."""

    key: str
    text: str
    fix: str
    url: str


KINDS: Mapping[str, str] = {
    "storage": "Disk and folders in trouble",
    "failed_import": "Files that could not be read",
    "units": "Numbers that look like another unit",
    "clock": "Time that goes backwards",
    "counter": "Counters that differ from the records by more than 1 %",
    "finding": "Other findings of the readers",
    "stale_test": "Running tests whose file has stopped growing",
    "overlap": "Files that repeat each other",
    "jump": "Jumps of capacity",
    "anomaly": "Cells with half-cycles that stand out",
    "no_data": "Cells of datasets without data",
    "no_start_cycle": "File names without start cycle",
    "unregistered": "Data of cells that nobody has registered",
    "notes_only": "Compositions that stand in notes only",
}
# Nobody cycles a single cell beyond these; further out a unit was mistaken.
LARGEST_VOLT, SMALLEST_VOLT = 10.0, 0.05
LARGEST_RATE = 100.0
UNIT_FACTOR = 30.0


def unit_suspect(
    capacity_ah: float | None, reference_ah: float | None, highest_volt: float | None
) -> str:
    """In words why numbers of a test look like another unit, or "".

    ``reference_ah`` is what the design says; an instrument that writes mA where A is
    meant is a thousand times off, and thirty is more than any design is wrong.
    """
    if highest_volt is not None and highest_volt > LARGEST_VOLT:
        return f"voltages reach {highest_volt:.4g} V, as if they were millivolts"
    if highest_volt is not None and 0 < highest_volt < SMALLEST_VOLT:
        return f"voltages stay below {highest_volt:.4g} V"
    if not capacity_ah or not reference_ah:
        return ""
    factor = capacity_ah / reference_ah
    if factor > UNIT_FACTOR:
        return f"capacities reach {capacity_ah:.4g} Ah, {factor:.3g} times the {reference_ah:.4g} Ah of the design, as if mA were read as A"
    if factor < 1 / UNIT_FACTOR:
        return f"capacities stay below {capacity_ah:.4g} Ah where the design has {reference_ah:.4g} Ah, as if A were read as mA"
    return ""
