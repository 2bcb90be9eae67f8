"""A cell as BattINFO JSON-LD; ``cells.battinfo_reading`` reads it back.

Types and relations are those of the EMMO battery and electrochemistry domains
(``https://w3id.org/emmo/domain/battery/context``): ``hasPositiveElectrode`` with its
``hasCoating``, ``hasElectrolyte`` with ``hasSolvent``, ``hasSolute`` and ``hasAdditive``,
quantities as ``hasNumericalPart`` with a ``hasMeasurementUnit``. What these have no word
for, such as the fields that a name shows, stands under the prefix ``battery_db``; other
programs pass over it. Numbers are written as they were entered and read as exact text.
"""

from collections.abc import Mapping
from typing import Any

from cells.compositions import MOLAL, MOLAR, WEIGHT_PERCENT
from cells.descriptions import Described, DescribedCell, DescribedLot, DescribedPart
from cells.formulas import formula_of

CONTEXT = [
    "https://w3id.org/emmo/domain/battery/context",
    {
        "schema": "https://schema.org/",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "unit": "https://qudt.org/vocab/unit/",
        "battery_db": "urn:battery-db:terms:",
    },
]
TYPES = {
    "molecule": "ChemicalCompound",
    "coating": "Coating",
    "active-material": "ActiveMaterial",
    "inactive-material": "Material",
    "separator-material": "Material",
    "electrode": "Electrode",
    "separator": "Separator",
    "cell-geometry": "Case",
    "electrolyte": "OrganicElectrolyte",
}
CELL_TYPES = {
    "pouch": "PouchCell",
    "cylindrical": "CylindricalCell",
    "prismatic": "PrismaticCell",
    "coin": "CoinCell",
}
ELECTRODES = {"cathode": "hasPositiveElectrode", "anode": "hasNegativeElectrode"}
SOLUTIONS = {
    "solvents": ("hasSolvent", "Solvent"),
    "salts": ("hasSolute", "Solute"),
    "additives": ("hasAdditive", "Additive"),
}
INACTIVE = {"binder": "hasBinder", "conductive": "hasConductiveAdditive", "": "hasConstituent"}
AMOUNTS = {
    WEIGHT_PERCENT: ("MassFraction", "unit:PERCENT"),
    MOLAL: ("Molality", "unit:MOL-PER-KiloGM"),
    MOLAR: ("AmountConcentration", "unit:MOL-PER-L"),
}
# Field of ours: type of the quantity, its unit.
QUANTITIES = {
    "particle_size_um": ("ParticleSize", "unit:MicroM"),
    "preparation_temperature_celsius": ("Temperature", "unit:DEG_C"),
    "turbostratic_misalignment_percent": ("TurbostraticMisalignment", "unit:PERCENT"),
    "loading_mg_cm2": ("MassLoading", "unit:MilliGM-PER-CentiM2"),
    "density_g_cm3": ("Density", "unit:GM-PER-CentiM3"),
    "thickness_um": ("Thickness", "unit:MicroM"),
    "porosity_percent": ("Porosity", "unit:PERCENT"),
    "width_mm": ("Width", "unit:MilliM"),
    "length_mm": ("Length", "unit:MilliM"),
    "thickness_mm": ("Thickness", "unit:MilliM"),
    "diameter_mm": ("Diameter", "unit:MilliM"),
    "nominal_capacity_ah": ("NominalCapacity", "unit:A-HR"),
    "lower_cutoff_voltage": ("LowerVoltageLimit", "unit:V"),
    "upper_cutoff_voltage": ("UpperVoltageLimit", "unit:V"),
}
WORDS = ("role", "origin", "crystal", "material_type", "category", "default_role", "polarity")


def to_jsonld(cell: DescribedCell, address: str = "") -> dict[str, Any]:
    """The cell as a JSON-LD document; ``address`` is its page, as identity."""
    body = cell.dry_cell
    geometry = body.children.get("geometry") if body else None
    category = geometry.values.get("category", "") if geometry else ""
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": [CELL_TYPES.get(category, "BatteryCell"), "schema:Product"],
        "schema:name": f"Cell {cell.cell_id}",
        "schema:productID": str(cell.cell_id),
    }
    if address:
        document["@id"] = address
    document |= _words(cell.notes, cell.proprietary, ())
    if cell.electrolyte is not None:
        document["hasElectrolyte"] = _electrolyte(cell.electrolyte)
    if body is not None:
        document |= _dry_cell(body)
    return document


def _node(node: Described, *types: str) -> dict[str, Any]:
    kinds = [*types, TYPES[node.kind]] if types else TYPES[node.kind]
    written: dict[str, Any] = {"@type": kinds}
    if node.head:
        written["schema:name"] = node.head
    if node.values.get("smiles"):
        written["schema:smiles"] = node.values["smiles"]
    if node.values.get("description"):
        written["schema:disambiguatingDescription"] = node.values["description"]
    written |= {f"battery_db:{key}": node.values[key] for key in WORDS if node.values.get(key)}
    written |= _words(node.notes, node.proprietary, node.shown)
    quantities = _quantities(node.values)
    if quantities:
        written["hasProperty"] = quantities
    if node.lot is not None:
        written["battery_db:lot"] = _lot(node.lot)
    return written


def _words(notes: str, proprietary: bool, shown: tuple[str, ...]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if notes:
        written["schema:description"] = notes
    if proprietary:
        written["battery_db:proprietary"] = True
    if shown:
        written["battery_db:shown"] = list(shown)
    return written


def _quantities(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        _quantity(*QUANTITIES[field], values[field]) for field in QUANTITIES if values.get(field)
    ]


def _quantity(kind: str, unit: str, value: str) -> dict[str, Any]:
    number = float(value)
    return {
        "@type": kind,
        "hasNumericalPart": {
            "@type": "emmo:RealData",
            "hasNumberValue": int(number) if number.is_integer() else number,
        },
        "hasMeasurementUnit": unit,
    }


def _part(part: DescribedPart, *types: str) -> dict[str, Any]:
    written = _active(part.node) if part.group == "actives" else _node(part.node, *types)
    if part.amount is not None:
        amount = _quantity(*AMOUNTS[part.unit], part.amount)
        written["hasProperty"] = [amount, *written.get("hasProperty", [])]
    return written


def _active(node: Described) -> dict[str, Any]:
    written = _node(node)
    if node.parts:
        atoms = [(part.node.head, part.amount) for part in node.parts]
        written["molecularFormula"] = {"rdfs:comment": formula_of(atoms)}
    if "coating" in node.children:
        written["hasCoating"] = _node(node.children["coating"])
    return written


def _electrolyte(node: Described) -> dict[str, Any]:
    written = _node(node)
    for group, (relation, kind) in SOLUTIONS.items():
        parts = [_part(part) for part in node.parts if part.group == group]
        if parts:
            written[relation] = {"@type": kind, "hasConstituent": parts}
    return written


def _electrode(node: Described) -> dict[str, Any]:
    written = _node(node)
    coating: dict[str, Any] = {}
    for part in node.parts:
        role = part.node.values.get("role", "")
        relation = "hasActiveMaterial" if part.group == "actives" else INACTIVE[role]
        coating.setdefault(relation, []).append(_part(part))
    if coating:
        written["hasCoating"] = {"@type": "ElectrodeCoating", **coating}
    return written


def _dry_cell(node: Described) -> dict[str, Any]:
    written: dict[str, Any] = {"battery_db:dry_cell": _dry_words(node)}
    for field, relation in ELECTRODES.items():
        if field in node.children:
            written[relation] = _electrode(node.children[field])
    separator = node.children.get("separator")
    if separator is not None:
        parts = [_part(part) for part in separator.parts]
        written["hasSeparator"] = _node(separator) | ({"hasConstituent": parts} if parts else {})
    if "geometry" in node.children:
        written["hasCase"] = _node(node.children["geometry"])
    quantities = _quantities(node.values)
    return written | ({"hasProperty": quantities} if quantities else {})


def _dry_words(node: Described) -> dict[str, Any]:
    written = _words(node.notes, node.proprietary, node.shown)
    written |= {"schema:model": node.head} if node.head else {}
    return written | ({"battery_db:lot": _lot(node.lot)} if node.lot else {})


def _lot(lot: DescribedLot) -> dict[str, Any]:
    written = {
        "schema:productID": lot.label,
        "schema:manufacturer": lot.vendor,
        "schema:creator": lot.creator,
        "schema:productionDate": lot.made_on,
        "schema:description": lot.notes,
        "battery_db:shown": list(lot.shown),
    }
    return {key: value for key, value in written.items() if value}
