"""Which mixtures to weigh next, within limits, as a table to fill in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cells.models.materials import Role
from ftir import ratio_tables
from ftir.models import Calibration
from ftir.services import compositions

if TYPE_CHECKING:
    from ftir.design import Design

# What is allowed of a component that no known mixture holds, as mass fraction: salts
# dissolve to about 2 mol/kg, and additives are used sparingly.
LARGEST_BY_ROLE = {Role.SALT: 0.25, Role.ADDITIVE: 0.10, Role.SOLVENT: 1.0}


@dataclass(frozen=True, slots=True)
class Plan:
    """Mixtures to weigh next; errors per component in mass fraction, once it is fitted."""

    design: "Design"
    error_now: list[float]
    error_then: list[float]


def limits_of(calibration: Calibration) -> list[float]:
    """The largest mass fraction of each component: of known mixtures, else by its role."""
    known = _known(calibration)
    largest = [max(column) for column in zip(*known, strict=True)]
    parts = calibration.parts.select_related("molecule")
    usual = [LARGEST_BY_ROLE.get(Role(part.molecule.default_role), 1.0) for part in parts]
    return [top or other for top, other in zip(largest or usual, usual, strict=True)]


def plan(calibration: Calibration, count: int, limits: Sequence[float] | None = None) -> Plan:
    """Which ``count`` mixtures to weigh next, given those that are known.

    ``limits`` are the largest mass fractions. Raises LabError where they allow no mixture.
    """
    import numpy as np

    from ftir import design

    names, known = calibration.component_names, _known(calibration)
    largest = np.array(limits if limits is not None else limits_of(calibration), dtype=float)
    made = design.propose(count, names, largest, np.array(known) if known else None)
    if not calibration.archive_name:
        return Plan(made, [], [])
    fitted = compositions.fitted_of(calibration)
    now, then = design.expected_errors(
        fitted.model, fitted.confidence.interval_scale, largest, made.mass_ratio
    )
    return Plan(made, now.tolist(), then.tolist())


def as_table(calibration: Calibration, made: Plan) -> str:
    """The planned mixtures as a table of ratios, each under a name that no sample has."""
    rows = zip(_free_names(calibration), made.design.mass_ratio.tolist(), strict=False)
    return ratio_tables.as_table(calibration.component_names, rows)


def _free_names(calibration: Calibration) -> Iterator[str]:
    names = calibration.samples.values_list("spectrum__name", flat=True)
    taken = {name.rpartition(".")[0] or name for name in names}
    for number in range(1, 10**6):
        if (name := f"mixture-{number:02d}") not in taken:
            yield name


def _known(calibration: Calibration) -> list[list[float]]:
    ratios = calibration.samples.exclude(mass_ratio=None).values_list("mass_ratio", flat=True)
    return [list(ratio) for ratio in ratios if ratio is not None]
