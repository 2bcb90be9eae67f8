"""The composition a recipe asks for, as mass ratios, to compare with a measured one."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

# g/mol; IUPAC standard atomic weights 2021, summed.
SALT_MOLAR_MASS: Mapping[str, float] = {
    "LiPF6": 151.905,
    "LiBF4": 93.74,
    "LiFSI": 187.07,
    "LiTFSI": 287.09,
    "LiClO4": 106.39,
    "LiBOB": 193.79,
    "LiDFOB": 143.77,
    "LiPO2F2": 107.91,
}


def mass_ratios(
    components: Iterable[tuple[str, str, Decimal | None, str]],
) -> dict[str, float] | None:
    """Mass ratios of (name, role, amount, unit), or None where an amount does not tell mass.

    Solvents are percent of the solvents' weight, salts molal (per kg of solvent),
    additives percent of the whole.

    >>> found = mass_ratios([("EC", "solvent", Decimal(30), "wt%"),
    ...     ("EMC", "solvent", Decimal(70), "wt%"), ("LiPF6", "salt", Decimal("1.2"), "mol/kg")])
    >>> {name: round(value, 4) for name, value in found.items()}
    {'EC': 0.2537, 'EMC': 0.5921, 'LiPF6': 0.1542}
    """
    parts = {"solvent": {}, "salt": {}, "additive": {}}  # type: dict[str, dict[str, float]]
    for name, role, amount, unit in components:
        if amount is None or role not in parts:
            return None
        value = float(amount)
        if role == "salt":
            if unit != "mol/kg" or name not in SALT_MOLAR_MASS:
                return None
            value *= SALT_MOLAR_MASS[name] / 1000
        parts[role][name] = value
    solvents = sum(parts["solvent"].values())
    if not solvents:
        return None
    base = {name: value / solvents for name, value in parts["solvent"].items()} | parts["salt"]
    added = {name: value / 100 for name, value in parts["additive"].items()}
    share = (1 - sum(added.values())) / sum(base.values())
    return {name: value * share for name, value in base.items()} | added
