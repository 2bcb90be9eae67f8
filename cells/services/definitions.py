"""What a form or request says of a node, before it is stored: checked, corrected, saved.

Electrolytes have their own notation and digests (``cells.compositions``), every other
kind goes through ``cells.services.nodes``; a draft hides the difference from pages and
the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

from cells import compositions, projections
from cells.amounts import plain
from cells.compositions import Problem, Recipe
from cells.kinds import KINDS
from cells.models import Blueprint, Electrolyte, WeightedPart
from cells.naming import name_digest
from cells.services import materials, nodes
from cells.services.nodes import Clash


@dataclass(frozen=True, slots=True)
class Check:
    """How a draft stands: its name, what is wrong, and what it is like."""

    name: str
    problems: list[Problem] = field(default_factory=list)
    clash: Clash | None = None
    near: list[tuple[Electrolyte, str]] = field(default_factory=list)  # and how far, in percent
    shares: str = ""  # the amounts that "normalised" would give

    @property
    def apart(self) -> list[tuple[str, str]]:
        """Fields, with their labels, that would tell this one from the other."""
        if self.clash is None:
            return []
        kind = KINDS[self.clash.other.kind_key]  # type: ignore[union-attr]
        return [(name, kind.label_of(name)) for name in self.clash.apart]


class Draft(Protocol):
    """A node that is not stored yet, or not as it stands here."""

    def check(self) -> Check: ...

    def showing(self, field: str) -> "Draft":
        """The same with one more field in its name."""

    def normalised(self) -> "Draft":
        """The same with its whole groups scaled to 100 %."""

    def save(self, by: Any) -> tuple[Any, bool]:
        """The stored row, and whether it is new or changed."""


@dataclass(slots=True)
class NodeDraft:
    """Of every kind but electrolytes."""

    row: Blueprint
    parts: list[WeightedPart] = field(default_factory=list)

    def check(self) -> Check:
        nodes.tidy_texts(self.row)
        problems = nodes.problems_of(self.row, self.parts)
        self.row.render(self.parts)
        clash = nodes.clash_of(self.row, self.parts) if self.row.name else None
        return Check(self.row.name, problems, clash, shares=self._shares())

    def showing(self, field: str) -> "NodeDraft":
        if field in self.row.kind.flagged:
            self.row.shown = sorted({*self.row.shown, field})
        return self

    def normalised(self) -> "NodeDraft":
        for parts, shares in self._suggested():
            for part, share in zip(parts, shares, strict=True):
                part.amount = share
        return self

    def save(self, by: Any) -> tuple[Blueprint, bool]:
        return nodes.save_node(self.row, self.parts, by), True

    def _suggested(self) -> list[tuple[list[WeightedPart], tuple[Decimal, ...]]]:
        found = []
        for group, part_kind in self.row.kind.parts:
            if group == "inactives" or part_kind == "atom":
                continue
            parts = [part for part in self.parts if part.group == group]
            problems = compositions.share_problems([part.amount for part in parts], group)
            found += [(parts, problem.suggested) for problem in problems if problem.suggested]
        return found

    def _shares(self) -> str:
        return "; ".join("/".join(map(plain, shares)) for _, shares in self._suggested())


@dataclass(slots=True)
class ElectrolyteDraft:
    """A recipe, the molecules it names, and the row that it would become."""

    row: Electrolyte
    recipe: Recipe
    known: Mapping[str, materials.Constituent]

    def check(self) -> Check:
        problems = compositions.problems_of(self.recipe)
        name = projections.electrolyte_name(self.recipe)
        if not problems and not name:
            problems = [Problem("Nothing of it is shown in its name.", "Show its notes.")]
        near = [] if problems else materials.near_electrolytes(self.recipe)
        others = [(other, f"{gap:.2g}") for other, gap in near if other.pk != self.row.pk]
        return Check(name, problems, self._clash(name), others, self._shares(problems))

    def showing(self, field: str) -> "ElectrolyteDraft":
        self.recipe = replace(self.recipe, shown=self.recipe.shown | {field})
        return self

    def normalised(self) -> "ElectrolyteDraft":
        self.recipe = replace(
            self.recipe, components=compositions.normalised(self.recipe.components)
        )
        return self

    def save(self, by: Any) -> tuple[Electrolyte, bool]:
        if not self.row._state.adding:
            return materials.edit_electrolyte(self.row, self.recipe, by), True
        digest = projections.electrolyte_digest(self.recipe, materials.keys_of(self.known))
        is_new = not Electrolyte.objects.filter(digest=digest).exists()
        return materials.define_electrolyte(self.recipe, by=by), is_new

    def _clash(self, name: str) -> Clash | None:
        others = Electrolyte.objects.exclude(pk=self.row.pk)
        digest = projections.electrolyte_digest(self.recipe, materials.keys_of(self.known))
        same = others.filter(digest=digest).first()
        if same is not None:
            return Clash(same, is_same=True)
        alike = others.filter(name_digest=name_digest(name)).first() if name else None
        if alike is None:
            return None
        hidden = {"notes", "proprietary"} - self.recipe.shown
        apart = [name for name in sorted(hidden) if getattr(self.recipe, name)]
        return Clash(alike, is_same=False, apart=tuple(apart))

    def _shares(self, problems: Sequence[Problem]) -> str:
        suggested = next((problem.suggested for problem in problems if problem.suggested), ())
        return "/".join(map(plain, suggested))
