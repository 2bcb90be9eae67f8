"""A cell from BattINFO JSON-LD, as ``cells.battinfo`` or another program wrote it."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from battery_db.lib.errors import LabError
from cells.battinfo import (
    AMOUNTS,
    CELL_TYPES,
    ELECTRODES,
    INACTIVE,
    QUANTITIES,
    SOLUTIONS,
    TYPES,
    WORDS,
)
from cells.compositions import WEIGHT_PERCENT
from cells.descriptions import Described, DescribedCell, DescribedLot, DescribedPart
from cells.formulas import read_formula

_FIELDS = {kind: field for field, kind in QUANTITIES.items()}
_UNITS = {kind: unit for unit, kind in AMOUNTS.items()}
# Names of units that other writers of BattINFO use for the same.
_SAME_UNIT = {"emmo:MicroMetre": "unit:MicroM", "emmo:MilliMetre": "unit:MilliM"}


def read_jsonld(content: str | bytes) -> DescribedCell:
    """A cell from a document, or from the first item of its ``@graph``.

    Raises LabError naming what is missing or can not be read.
    """
    try:
        document = json.loads(content, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, UnicodeDecodeError) as error:
        raise LabError(f"The file is not JSON: {error}.", fix="Upload BattINFO JSON-LD.") from error
    document = _the_cell(document)
    number = str(document.get("schema:productID", ""))
    return DescribedCell(
        cell_id=int(number) if number.isdecimal() and len(number) < 10 else None,
        notes=_text(document, "schema:description"),
        proprietary=document.get("battery_db:proprietary") is True,
        electrolyte=_read_electrolyte(document.get("hasElectrolyte")),
        dry_cell=_read_dry_cell(document),
    )


def _the_cell(document: Any) -> dict[str, Any]:
    if isinstance(document, dict) and isinstance(document.get("@graph"), list):
        document = next(iter(document["@graph"]), None)
    if isinstance(document, dict) and isinstance(document.get("hasTestObject"), dict):
        document = document["hasTestObject"]
    known = {"hasElectrolyte", "hasSeparator", "hasCase", *ELECTRODES.values()}
    if not isinstance(document, dict) or not known & document.keys():
        raise LabError(
            "The document describes no cell: it has no electrode, electrolyte, separator or case.",
            fix="Upload the JSON-LD of one cell.",
        )
    return document


def _read(written: Any, kind: str) -> Described:
    if not isinstance(written, dict):
        raise LabError(
            f"A {kind.replace('-', ' ')} is described by {written!r}.", fix="Use a JSON object."
        )
    found = {key: _text(written, f"battery_db:{key}") for key in WORDS}
    found["smiles"] = _text(written, "schema:smiles")
    found["description"] = _text(written, "schema:disambiguatingDescription")
    found |= _read_quantities(written)
    return Described(
        kind=kind,
        head=_text(written, "schema:name") or _text(written, "rdfs:comment") or _type(written),
        notes=_text(written, "schema:description"),
        proprietary=written.get("battery_db:proprietary") is True,
        shown=tuple(str(name) for name in _list(written.get("battery_db:shown"))),
        values={key: value for key, value in found.items() if value},
        lot=_read_lot(written.get("battery_db:lot")),
    )


def _read_electrolyte(written: Any) -> Described | None:
    if written is None:
        return None
    node = _read(written, "electrolyte")
    parts: list[DescribedPart] = []
    for group, (relation, _) in SOLUTIONS.items():
        nested = _object(written.get("hasSolute"), "hasSolute")
        solution = _object(written.get(relation) or nested.get(relation), relation)
        for part in _list(solution.get("hasConstituent")):
            amount, unit = _read_amount(part)
            parts.append(DescribedPart(group, _read(part, "molecule"), amount, unit))
    return _with(node, head="", parts=tuple(parts))


def _read_dry_cell(document: dict[str, Any]) -> Described | None:
    children: dict[str, Described] = {}
    for field, relation in ELECTRODES.items():
        if relation in document:
            children[field] = _read_electrode(document[relation], field)
    if "hasSeparator" in document:
        separator = document["hasSeparator"]
        parts = _read_parts(
            _object(separator, "hasSeparator"),
            "materials",
            "separator-material",
            ["hasConstituent"],
        )
        children["separator"] = _with(_read(separator, "separator"), head="", parts=tuple(parts))
    if "hasCase" in document:
        children["geometry"] = _read_geometry(document)
    own = document.get("battery_db:dry_cell", {})
    values = _read_quantities(document)
    if not children and not own and not values:
        return None
    node = _read(own, "dry-cell")
    return _with(node, head=_text(own, "schema:model"), values=values, children=children)


def _read_geometry(document: dict[str, Any]) -> Described:
    node = _with(_read(document["hasCase"], "cell-geometry"), head="")
    if node.values.get("category"):
        return node
    types = _list(document.get("@type"))
    category = next((key for key, kind in CELL_TYPES.items() if kind in types), "")
    return _with(node, values={**node.values, "category": category})


def _read_electrode(written: Any, polarity: str) -> Described:
    node = _read(written, "electrode")
    coating = _object(written.get("hasCoating"), "hasCoating") or written
    parts = []
    for part in _list(coating.get("hasActiveMaterial")):
        amount, _ = _read_amount(part)
        parts.append(DescribedPart("actives", _read_active(part), amount))
    if len(parts) == 1:  # Others state the share of the whole; ours is that of all actives.
        parts = [DescribedPart("actives", parts[0].node, "100")]
    for role, relation in INACTIVE.items():
        for part in _read_parts(coating, "inactives", "inactive-material", [relation]):
            values = {**part.node.values, **({"role": role} if role else {})}
            parts.append(DescribedPart("inactives", _with(part.node, values=values), part.amount))
    return _with(node, head="", parts=tuple(parts), values={**node.values, "polarity": polarity})


def _read_active(written: Any) -> Described:
    node = _read(written, "active-material")
    atoms = tuple(
        DescribedPart("atoms", Described("atom", symbol), amount, "")
        for symbol, amount in read_formula(_text(written, "molecularFormula"))
    )
    values = dict(node.values)
    if node.head:
        values.setdefault("material_type", node.head)
    coating = written.get("hasCoating")
    children = {"coating": _read(coating, "coating")} if isinstance(coating, dict) else {}
    return _with(node, head="", values=values, parts=atoms, children=children)


def _object(written: Any, relation: str) -> dict[str, Any]:
    """What a relation points to, also when it stands alone in a list; {} where there is none."""
    if isinstance(written, list) and len(written) == 1:
        written = written[0]
    if written is not None and not isinstance(written, dict):
        raise LabError(f"{relation} is {written!r}.", fix="Use one JSON object.")
    return written or {}


def _read_parts(written: Any, group: str, kind: str, relations: list[str]) -> list[DescribedPart]:
    return [
        DescribedPart(group, _read(part, kind), _read_amount(part)[0])
        for relation in relations
        for part in _list(written.get(relation))
    ]


def _read_quantities(written: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for quantity in _properties(written):
        unit = quantity.get("hasMeasurementUnit", "")
        field = _FIELDS.get((_type(quantity), _SAME_UNIT.get(unit, unit)))
        if field:
            found[field] = _number(quantity)
    return found


def _read_amount(written: Any) -> tuple[str | None, str]:
    if not isinstance(written, dict):
        raise LabError(f"A component is described by {written!r}.", fix="Use a JSON object.")
    for quantity in _properties(written):
        unit = _UNITS.get((_type(quantity), quantity.get("hasMeasurementUnit", "")))
        if unit:
            return _number(quantity), unit
    return None, WEIGHT_PERCENT


def _read_lot(written: Any) -> DescribedLot | None:
    if not isinstance(written, dict):
        return None
    return DescribedLot(
        label=_text(written, "schema:productID"),
        vendor=_text(written, "schema:manufacturer"),
        creator=_text(written, "schema:creator"),
        made_on=_text(written, "schema:productionDate"),
        notes=_text(written, "schema:description"),
        shown=tuple(str(name) for name in _list(written.get("battery_db:shown"))),
    )


def _properties(written: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [*_list(written.get("hasProperty")), *_list(written.get("hasMeasuredProperty"))]
    return [quantity for quantity in found if isinstance(quantity, dict)]


def _number(quantity: dict[str, Any]) -> str:
    part = quantity.get("hasNumericalPart")
    value = part.get("hasNumberValue", part.get("hasNumericalValue")) if part else None
    if not isinstance(value, Decimal) or not value.is_finite():
        raise LabError(
            f"The {_type(quantity)} is {value!r}, which is no number.",
            fix="Give it as hasNumericalPart with hasNumberValue.",
        )
    return format(value, "f")


def _text(written: Mapping[str, Any], key: str) -> str:
    value = written.get(key, "")
    if isinstance(value, dict):
        value = value.get("schema:name") or value.get("rdfs:comment", "")
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _type(written: Mapping[str, Any]) -> str:
    types = _list(written.get("@type"))
    own = [str(kind) for kind in types if kind not in TYPES.values()]
    return own[-1] if own else ""


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _with(node: Described, **changes: Any) -> Described:
    fields = {name: getattr(node, name) for name in Described.__slots__}
    return Described(**(fields | changes))
