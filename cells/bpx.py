"""Dry cells from BPX files (Battery Parameter eXchange, https://bpxstandard.com).

The file is checked and, where it is of an older version, converted by the standard's own
package. What it says of electrodes, separator and cell becomes a description; functions
and kinetic parameters belong to a simulation and are named as left out.
"""

import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from battery_db.lib.errors import LabError
from cells.amounts import plain
from cells.descriptions import Described, DescribedPart

MICROMETRES = Decimal(1_000_000)
PERCENT = Decimal(100)
LARGEST_BYTES = 20 * 1024 * 1024
ELECTRODES = {"cathode": "positive_electrode", "anode": "negative_electrode"}


def read_bpx(content: bytes) -> tuple[Described, tuple[str, ...]]:
    """The dry cell of a BPX file, and what of the file has no place in it.

    Lengths in metres become micrometres, porosity becomes percent, a particle's radius
    its size (diameter). Raises LabError for what the standard does not accept.
    """
    parsed = _parse(content)
    parameters = parsed.parameterisation
    children = {}
    for field, name in ELECTRODES.items():
        electrode = getattr(parameters, name, None)
        if electrode is not None:
            children[field] = _electrode(electrode, field)
    separator = getattr(parameters, "separator", None)
    if separator is not None:
        children["separator"] = Described(
            "separator",
            notes="from BPX",
            values=_layer(separator),
            shown=("notes", "thickness_um", "porosity_percent"),
        )
    cell = parameters.cell
    description = Described(
        "dry-cell",
        head=(parsed.header.title or "BPX cell")[:200],
        notes=" ".join((parsed.header.description or "").split())[:1000],
        values=_numbers(
            nominal_capacity_ah=cell.nominal_cell_capacity,
            lower_cutoff_voltage=cell.lower_voltage_cutoff,
            upper_cutoff_voltage=cell.upper_voltage_cutoff,
        ),
        children=children,
    )
    return description, tuple(_left_out(parsed))


def _parse(content: bytes) -> Any:
    if len(content) > LARGEST_BYTES:
        raise LabError("The file is larger than 20 MB.", fix="Upload a BPX file of one cell.")
    # Only for those who upload such a file; it warns of its own use of pyparsing.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bpx
        from pydantic import ValidationError

        return _checked(bpx.parse_bpx_str, content, ValidationError)


def _checked(parse: Callable[[str], Any], content: bytes, invalid: type[ValueError]) -> Any:
    try:
        return parse(content.decode("utf-8-sig"))
    except invalid as error:
        first = error.errors()[0]  # type: ignore[attr-defined]
        where = " → ".join(str(part) for part in first["loc"]) or "the file"
        raise LabError(
            f"This is no valid BPX: {where}: {first['msg']}.",
            fix="Check it against the standard, https://bpxstandard.com.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise LabError(f"This is no BPX file: {error}.", fix="Upload a BPX JSON file.") from error


def _electrode(electrode: Any, polarity: str) -> Described:
    particles = getattr(electrode, "particle", None) or {"": electrode}
    parts = []
    for name, particle in particles.items():
        notes = f"from BPX: {name}" if name else "from BPX"
        radius = getattr(particle, "particle_radius", None)
        size = {} if radius is None else {"particle_size_um": _scaled(radius, 2 * MICROMETRES)}
        powder = Described(
            "active-material", notes=notes, values=size, shown=("notes", "particle_size_um")
        )
        amount = "100" if len(particles) == 1 else None
        parts.append(DescribedPart("actives", powder, amount))
    return Described(
        "electrode",
        values={"polarity": polarity, **_layer(electrode)},
        parts=tuple(parts),
        shown=("polarity", "thickness_um", "porosity_percent"),
    )


def _layer(layer: Any) -> dict[str, str]:
    found = {"thickness_um": _scaled(layer.thickness, MICROMETRES)}
    porosity = getattr(layer, "porosity", None)
    if porosity is not None:
        found["porosity_percent"] = _scaled(porosity, PERCENT)
    return found


def _numbers(**values: float | None) -> dict[str, str]:
    return {name: _scaled(value, Decimal(1)) for name, value in values.items() if value is not None}


def _scaled(value: float, factor: Decimal) -> str:
    return plain(round(Decimal(repr(float(value))) * factor, 6))


def _left_out(parsed: Any) -> list[str]:
    """Parts of the file that a registry has no place for, in the words of the standard."""
    left = ["open-circuit potentials, diffusivities and reaction rates of the electrodes"]
    if getattr(parsed.parameterisation, "electrolyte", None) is not None:
        left.append("electrolyte transport (a BPX file does not say what the electrolyte is)")
    if getattr(parsed.parameterisation, "user_defined", None) is not None:
        left.append("user-defined parameters")
    left += ["initial state"] if parsed.state is not None else []
    left += ["validation data"] if parsed.validation else []
    return left
