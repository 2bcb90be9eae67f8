"""Define several nodes, or lots, of one kind at once: a verdict for each, then all or none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction

from battery_db.lib.errors import LabError
from cells.models import Blueprint, LotModel, WeightedPart
from cells.services import nodes

Outcome = Literal["created", "exists already", "refused"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A node with its components, or a lot; not stored yet. ``number`` is its row, from 1."""

    number: int
    row: Blueprint | LotModel
    parts: Sequence[WeightedPart] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one row.

    ``row`` is the stored one, where it was there before; ``twin`` the number of an
    earlier row that says the same.
    """

    number: int
    outcome: Outcome
    name: str = ""
    row: Any = None
    twin: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Outcomes:
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(verdict.outcome for verdict in self.verdicts))

    @property
    def is_refused(self) -> bool:
        return any(verdict.outcome == "refused" for verdict in self.verdicts)

    @property
    def created(self) -> int:
        return self.counts.get("created", 0)


def define_several(wanted: Sequence[Wanted], by: Any = None, *, keep: bool) -> Outcomes:
    """Define each in turn, in one transaction.

    Nothing stays of it when one is refused, or without ``keep``: then the verdicts are
    those that keeping would give, since they come of the same steps.
    """
    outcomes = Outcomes()
    made: dict[int, int] = {}
    with transaction.atomic():
        for one in wanted:
            outcomes.verdicts.append(_define(one, made, by))
        if outcomes.is_refused or not keep:
            transaction.set_rollback(True)
    return outcomes


def _define(one: Wanted, made: dict[int, int], by: Any) -> Verdict:
    """``made`` holds the row that each new key came of."""
    try:
        with transaction.atomic():
            if isinstance(one.row, LotModel):
                stored, is_new = nodes.define_lot(one.row, by)
            else:
                stored, is_new = nodes.define_node(one.row, one.parts, by)  # type: ignore[assignment]
    except LabError as error:
        return Verdict(one.number, "refused", one.row.name, message=str(error))
    if is_new:
        made[stored.pk] = one.number
        return Verdict(one.number, "created", stored.name)
    twin = made.get(stored.pk)
    return Verdict(one.number, "exists already", stored.name, None if twin else stored, twin)
