"""A cell described by value, down to its molecules: what formats for exchange carry.

Numbers are text of exact decimals. Nothing here knows a database; rows are described
and registered by ``cells.services.interchange``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DescribedLot:
    label: str
    vendor: str = ""
    creator: str = ""
    made_on: str = ""
    notes: str = ""
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """One node: scalars by field, other nodes by field, and weighted parts."""

    kind: str
    head: str = ""
    notes: str = ""
    proprietary: bool = False
    shown: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, "Described"] = field(default_factory=dict)
    parts: tuple["DescribedPart", ...] = ()
    lot: DescribedLot | None = None


@dataclass(frozen=True, slots=True)
class DescribedPart:
    """``amount`` None: unknown. ``unit`` is ``wt%``, ``mol/kg``, ``mol/L`` or empty for atoms."""

    group: str
    node: Described
    amount: str | None
    unit: str = "wt%"


@dataclass(frozen=True, slots=True)
class DescribedCell:
    cell_id: int | None = None
    notes: str = ""
    proprietary: bool = False
    electrolyte: Described | None = None
    dry_cell: Described | None = None

    def nodes(self) -> Iterator[Described]:
        """Every node in it, parts before wholes."""
        for top in (self.electrolyte, self.dry_cell):
            if top is not None:
                yield from _nodes(top)


def _nodes(node: Described) -> Iterator[Described]:
    for part in node.parts:
        yield from _nodes(part.node)
    for child in node.children.values():
        yield from _nodes(child)
    yield node
