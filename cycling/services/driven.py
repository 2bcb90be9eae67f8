"""What the half-cycles of a cell were driven by, in words: nothing is dropped, all is labelled."""

from dataclasses import dataclass

from django.db.models import Count, Q

from cells.models import FileMetadata
from cycling.models import HalfCycle, Polarity
from cycling.modes import TITLES

KINDS = FileMetadata.Experiment


@dataclass(frozen=True, slots=True)
class Driven:
    """Half-cycles of one polarity, experiment and mode."""

    polarity: str
    mode: str
    experiment: str  # of the file: formation and RPT are told apart from cycling
    half_cycles: int


@dataclass(frozen=True, slots=True)
class DrivenBy:
    rows: tuple[Driven, ...]
    remarks: tuple[str, ...]


def driven_by(cell_id: int) -> DrivenBy:
    """Counts by mode, and what is half only (two queries)."""
    halves = HalfCycle.objects.of_cell(cell_id)
    experiment = "test__file__metadata__experiment"
    found = halves.order_by().values("polarity", "mode", experiment).annotate(n=Count("pk"))
    order = {mode: place for place, mode in enumerate(TITLES)}
    rows = [
        Driven(
            Polarity(row["polarity"]).label,
            TITLES.get(row["mode"], "not known yet"),
            KINDS(row[experiment]).label,
            row["n"],
        )
        for row in sorted(
            found, key=lambda r: (r["polarity"], order.get(r["mode"], 99), r[experiment])
        )
    ]
    return DrivenBy(tuple(rows), tuple(_remarks(cell_id, rows)))


def _remarks(cell_id: int, rows: list[Driven]) -> list[str]:
    if not rows:
        return ["The files of this cell hold rests only."]
    polarities = {row.polarity for row in rows}
    remarks = []
    if len(polarities) == 1:
        other = "discharge" if polarities == {Polarity.CHARGE.label} else "charge"
        remarks.append(f"This cell has no {other}.")
    else:
        remarks += _half_cycles_only(cell_id)
    if {row.experiment for row in rows} == {KINDS.FORMATION.label}:
        remarks.append("Only its formation is there.")
    return remarks


def _half_cycles_only(cell_id: int) -> list[str]:
    cycles = HalfCycle.objects.of_cell(cell_id).with_cycle().order_by()
    counted = cycles.values("cycle").annotate(  # type: ignore[misc]  # made by with_cycle
        charges=Count("pk", filter=Q(polarity=Polarity.CHARGE)),
        discharges=Count("pk", filter=Q(polarity=Polarity.DISCHARGE)),
    )
    lone = counted.filter(Q(charges=0) | Q(discharges=0))
    halves = [(row["cycle"], row["charges"]) for row in lone]
    remarks = []
    for lacking, wanted in (("charge", False), ("discharge", True)):
        numbers = sorted(cycle for cycle, charges in halves if bool(charges) is wanted)
        if numbers:
            shown = ", ".join(str(n) for n in numbers[:5]) + (" …" if len(numbers) > 5 else "")
            word = "cycle has" if len(numbers) == 1 else "cycles have"
            remarks.append(f"{len(numbers)} {word} no {lacking}: {shown}.")
    return remarks
