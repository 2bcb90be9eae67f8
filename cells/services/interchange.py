"""Cells out to formats for exchange, and in from them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models, transaction

from battery_db.lib.errors import LabError
from cells import battinfo, battinfo_reading, bpx
from cells.amounts import plain
from cells.compositions import Component, Recipe
from cells.descriptions import Described, DescribedCell, DescribedLot, DescribedPart
from cells.kinds import KINDS, LOT_FLAGGED
from cells.models import (
    BLUEPRINTS,
    LOTS,
    PARTS,
    Blueprint,
    Electrolyte,
    LotModel,
    WetCell,
)
from cells.naming import name_digest
from cells.services import materials, nodes
from cells.services.registry import register_cell

ROLES = {"solvents": "solvent", "salts": "salt", "additives": "additive"}
GROUPS = {role: group for group, role in ROLES.items()}


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file gave, and what of it has no place in the registry."""

    row: Any
    left_out: tuple[str, ...] = ()


def battinfo_of(cell: WetCell, address: str = "") -> dict[str, Any]:
    """A wet cell as BattINFO JSON-LD."""
    return battinfo.to_jsonld(describe_cell(cell), address)


def import_battinfo(content: bytes, cell_id: int | None = None, by: Any = None) -> Imported:
    """Register the cell of a JSON-LD document, with all that it is made of, or nothing."""
    described = battinfo_reading.read_jsonld(content)
    number = cell_id or described.cell_id
    if number is None:
        raise LabError("The document has no Cell ID.", fix="Give one, or add schema:productID.")
    with transaction.atomic():
        filling = define_described(described.electrolyte, by) if described.electrolyte else None
        body = define_described(described.dry_cell, by) if described.dry_cell else None
        cell = register_cell(
            number, filling, body, described.notes, proprietary=described.proprietary, by=by
        )
    return Imported(cell)


def import_bpx(content: bytes, by: Any = None) -> Imported:
    """Define the dry cell of a BPX file, with its electrodes and separator, or nothing."""
    described, left_out = bpx.read_bpx(content)
    with transaction.atomic():
        return Imported(define_described(described, by), left_out)


def describe_cell(cell: WetCell) -> DescribedCell:
    return DescribedCell(
        cell_id=cell.cell_id,
        notes=cell.notes,
        proprietary=cell.proprietary,
        electrolyte=_described(cell.electrolyte, cell.electrolyte_lot),
        dry_cell=_described(cell.dry_cell, cell.dry_cell_lot),
    )


def define_described(described: Described, by: Any = None) -> Any:
    """The blueprint, or lot of it, that a description means, defined where it is new."""
    if described.kind == "electrolyte":
        row: Any = _define_electrolyte(described, by)
    else:
        row = _define_node(described, by)
    return row if described.lot is None else define_lot(row, described.lot, by)


# Describing ---------------------------------------------------------------------


def _described(row: Blueprint | None, lot: LotModel | None = None) -> Described | None:
    return None if row is None else _describe(row, lot)


def _describe(row: Blueprint, lot: LotModel | None) -> Described:
    kind = row.kind
    values: dict[str, str] = {}
    children: dict[str, Described] = {}
    for found in kind.attributes:
        value = getattr(row, found.field)
        if isinstance(value, Blueprint):
            children[found.field] = _describe(value, getattr(row, f"{found.field}_lot", None))
        elif value not in (None, ""):
            values[found.field] = _as_text(value)
    if hasattr(row, "default_role"):
        values["default_role"] = row.default_role
    return Described(
        kind=kind.key,
        head=getattr(row, kind.head) if kind.head else "",
        notes=row.notes,
        proprietary=row.proprietary,
        shown=tuple(row.shown),
        values=values,
        children=children,
        parts=tuple(_described_parts(row)),
        lot=_described_lot(lot),
    )


def _described_parts(row: Blueprint) -> list[DescribedPart]:
    if isinstance(row, Electrolyte):
        return [
            DescribedPart(
                GROUPS[part.role],
                _describe(part.molecule, part.lot),
                _amount(part.amount),
                part.unit,
            )
            for part in row.components.select_related("molecule", "lot")
        ]
    described = []
    for part in row.parts():
        is_atom = part.group == "atoms"
        node = Described("atom", part.child.name) if is_atom else _describe(part.material, part.lot)
        described.append(DescribedPart(part.group, node, _amount(part.amount)))
    return described


def _described_lot(lot: LotModel | None) -> DescribedLot | None:
    if lot is None:
        return None
    return DescribedLot(
        label=getattr(lot, lot.label_field),
        vendor=lot.vendor,
        creator=lot.creator,
        made_on=lot.made_on.isoformat() if lot.made_on else "",
        notes=lot.notes,
        shown=tuple(lot.shown),
    )


def _as_text(value: object) -> str:
    if isinstance(value, float):
        return plain(Decimal(repr(value)))
    return plain(value) if isinstance(value, Decimal) else str(value)


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


# Defining -----------------------------------------------------------------------


def _define_node(described: Described, by: Any) -> Blueprint:
    model = BLUEPRINTS[described.kind]
    row = model(
        notes=described.notes,
        proprietary=described.proprietary,
        shown=[name for name in described.shown if name in KINDS[described.kind].flagged]
        or list(_filled(described)),
        **_fields(model, described, by),
    )
    if KINDS[described.kind].head == "short_name":
        known = _known(row)
        if known is not None:
            return known
    return nodes.define_node(row, _parts(described, by), by)[0]


def _filled(described: Described) -> list[str]:
    """What a name shows by default, of what is there."""
    given = {*described.values, *described.children}
    return [
        name
        for name in KINDS[described.kind].shown
        if name in ("notes", "proprietary") or name in given
    ]


def _fields(model: type[Blueprint], described: Described, by: Any) -> dict[str, Any]:
    known = {field.name: field for field in model._meta.fields}
    fields: dict[str, Any] = {
        name: _value(known[name], text) for name, text in described.values.items() if name in known
    }
    if KINDS[described.kind].head:
        fields[KINDS[described.kind].head] = described.head
    for name, child in described.children.items():
        made = define_described(child, by)
        is_lot = isinstance(made, LotModel)
        fields[name] = made.blueprint if isinstance(made, LotModel) else made
        if is_lot:
            fields[f"{name}_lot"] = made
    if described.kind == "molecule":
        fields.setdefault("default_role", "additive")
    return fields


def _value(field: Any, text: str) -> Any:
    if not isinstance(field, (models.DecimalField, models.FloatField)):
        return text
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise LabError(f"{field.verbose_name}: {text!r} is no number.") from error
    if isinstance(field, models.FloatField):
        return float(number)
    return round(number, field.decimal_places).normalize() + 0


def _known(row: Any) -> Blueprint | None:
    """A row of the same short name that says all that ``row`` does, and perhaps more."""
    row.render(())
    known = type(row).objects.filter(name_digest=name_digest(row.short_name.casefold())).first()
    if known is None:
        return None
    given = [found.field for found in row.kind.attributes if getattr(row, found.field)]
    return known if all(getattr(row, name) == getattr(known, name) for name in given) else None


def _parts(described: Described, by: Any) -> list[Any]:
    parts = []
    for part in described.parts:
        model: Any = PARTS[described.kind, part.group]
        amount = None if part.amount is None else Decimal(part.amount)
        if part.group == "atoms":
            parts.append(model(symbol=part.node.head, amount=amount))
            continue
        made = define_described(part.node, by)
        lot = made if isinstance(made, LotModel) else None
        material = made.blueprint if isinstance(made, LotModel) else made
        parts.append(model(material=material, lot=lot, amount=amount))
    return parts


def _define_electrolyte(described: Described, by: Any) -> Electrolyte:
    components = []
    for part in described.parts:
        role = ROLES[part.group]
        node = part.node
        if node.kind == "molecule" and "default_role" not in node.values:
            node = Described(
                "molecule", node.head, values={**node.values, "default_role": role}, lot=node.lot
            )
        made = define_described(node, by)
        amount = None if part.amount is None else Decimal(part.amount)
        components.append(Component(made.name, role, amount, part.unit))
    shown = frozenset(described.shown or ("notes", "proprietary"))
    recipe = Recipe(tuple(components), described.notes, described.proprietary, shown)
    return materials.define_electrolyte(recipe, by=by)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise LabError(f"{text!r} is no date.", fix="Write it as 2026-11-24.") from error


def define_lot(row: Any, described: DescribedLot, by: Any = None) -> Any:
    """The lot of that label of the blueprint ``row``, made when there is none."""
    model: Any = LOTS[row.kind_key]
    labelled = {f"{model.label_field}__iexact": described.label}
    existing: LotModel | None = model.objects.filter(blueprint=row, **labelled).first()
    if existing is not None:
        return existing
    lot: LotModel = model(
        blueprint=row,
        vendor=described.vendor,
        creator=described.creator,
        made_on=_date(described.made_on),
        notes=described.notes,
        shown=[name for name in described.shown if name in LOT_FLAGGED],
        **{model.label_field: described.label},
    )
    return nodes.save_lot(lot, by)
