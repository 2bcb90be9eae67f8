"""Flags of half-cycles that stand out: kept beside them, and advice only."""

from collections.abc import Iterable

from django.db.models import F
from django.db.models.functions import Abs

from cycling.anomalies import Anomaly, anomalies_of
from cycling.models import HalfCycle

BATCH = 500
FIELDS = ("anomaly", "anomaly_sigmas")


def anomalies(cell_id: int, limit: int | None = None) -> list[Anomaly]:
    """The flagged half-cycles of a cell that are in, the most striking first (one query)."""
    rows = HalfCycle.objects.of_cell(cell_id).standing_out().with_cycle()
    rows = rows.order_by(Abs(F("anomaly_sigmas")).desc(), "pk")[:limit]
    return [
        Anomaly(pk, cycle, polarity, tuple(words.split(", ")), sigmas)
        for pk, cycle, polarity, words, sigmas in rows.values_list(
            "pk", "cycle", "polarity", *FIELDS
        )
    ]


def refresh(cell_id: int) -> int:
    """Flag a cell's half-cycles anew: what is left out says nothing about the rest.

    Call it within a transaction; says how many are flagged.
    """
    halves = HalfCycle.objects.of_cell(cell_id).filter(excluded=False)
    return write(cell_id, anomalies_of(halves.as_frame()))


def write(cell_id: int, found: Iterable[Anomaly]) -> int:
    """Make the flags of a cell say what was found; rows that say it already stay untouched."""
    wanted = {each.half_cycle_id: (", ".join(each.measures), each.sigmas) for each in found}
    flagged = HalfCycle.objects.filter(test__file__metadata__cell_id=cell_id).exclude(anomaly="")
    known = {pk: (words, sigmas) for pk, words, sigmas in flagged.values_list("pk", *FIELDS)}
    changed = [
        HalfCycle(pk=pk, anomaly=words, anomaly_sigmas=sigmas)
        for pk in sorted({*wanted, *known})
        for words, sigmas in [wanted.get(pk, ("", None))]
        if known.get(pk) != (words, sigmas)
    ]
    HalfCycle.objects.bulk_update(changed, FIELDS, batch_size=BATCH)
    return len(wanted)
