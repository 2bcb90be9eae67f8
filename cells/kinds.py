"""The kinds of node a cell is made of, and what the name of each may show.

One table (``KINDS``) is read by models, forms, pages, the API and the search, so that a
new attribute is declared once. Thesis 5.3.1, Figures 5.2 and 5.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

NOTES = "notes"
PROPRIETARY = "proprietary"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field that a name shows or hides.

    ``tag`` stands before the value in the name (empty: the value stands alone), ``unit``
    after it. ``refers_to`` is the kind of node the field points to.
    """

    field: str
    tag: str
    label: str
    unit: str = ""
    refers_to: str = ""
    type: Literal["text", "number", "choice", "node"] = "text"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of node. ``head`` is the field that always opens the name, if there is one.

    ``parts`` are the groups of weighted components: (group, kind of the parts).
    ``shown`` are the fields that a name shows unless a person says otherwise.
    """

    key: str
    label: str
    plural: str
    head: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    attributes: tuple[Attribute, ...] = ()
    shown: tuple[str, ...] = (NOTES, PROPRIETARY)
    has_lots: bool = True

    @property
    def slug(self) -> str:
        """The word in addresses: ``active-materials``."""
        return self.plural.replace(" ", "-")

    @property
    def with_article(self) -> str:
        return f"{'an' if self.label[0] in 'aeiou' else 'a'} {self.label}"

    @property
    def flagged(self) -> tuple[str, ...]:
        """Every field that can be shown or hidden."""
        return (NOTES, PROPRIETARY, *(attribute.field for attribute in self.attributes))

    def attribute(self, field: str) -> Attribute | None:
        return next((found for found in self.attributes if found.field == field), None)

    def label_of(self, field: str) -> str:
        found = self.attribute(field)
        return found.label if found else field


def _number(field: str, tag: str, label: str, unit: str) -> Attribute:
    return Attribute(field, tag, label, unit, type="number")


def _node(field: str, tag: str, label: str, refers_to: str) -> Attribute:
    return Attribute(field, tag, label, refers_to=refers_to, type="node")


SMILES = Attribute("smiles", "SMILES", "SMILES")
DESCRIPTION = Attribute("description", "DESC", "description")

_KINDS = (
    Kind("molecule", "molecule", "molecules", "short_name", (), (SMILES, DESCRIPTION), ()),
    Kind("coating", "coating", "coatings", "short_name", (), (DESCRIPTION,), ()),
    Kind(
        "active-material",
        "active material",
        "active materials",
        parts=(("atoms", "atom"),),
        attributes=(
            Attribute("material_type", "", "type"),
            Attribute("origin", "", "origin", type="choice"),
            Attribute("crystal", "CRYSTAL", "crystal", type="choice"),
            _number("particle_size_um", "SIZE", "particle size", "um"),
            _number("preparation_temperature_celsius", "TEMP", "preparation temperature", "C"),
            _number("turbostratic_misalignment_percent", "TURBO", "turbostratic misalignment", "%"),
            _node("coating", "COAT", "coating", "coating"),
        ),
        shown=(NOTES, PROPRIETARY, "material_type", "origin"),
    ),
    Kind(
        "inactive-material",
        "inactive material",
        "inactive materials",
        "short_name",
        (),
        (Attribute("role", "ROLE", "role", type="choice"), DESCRIPTION),
        (),
    ),
    Kind(
        "separator-material",
        "separator material",
        "separator materials",
        "short_name",
        (),
        (DESCRIPTION,),
        (),
    ),
    Kind(
        "electrode",
        "electrode",
        "electrodes",
        parts=(("actives", "active-material"), ("inactives", "inactive-material")),
        attributes=(
            Attribute("polarity", "", "cathode or anode", type="choice"),
            _number("loading_mg_cm2", "LOADING", "loading", "mg/cm2"),
            _number("density_g_cm3", "DENSITY", "density", "g/cm3"),
            _number("thickness_um", "THICKNESS", "thickness", "um"),
            _number("porosity_percent", "POROSITY", "porosity", "%"),
        ),
    ),
    Kind(
        "separator",
        "separator",
        "separators",
        parts=(("materials", "separator-material"),),
        attributes=(
            _number("thickness_um", "THICKNESS", "thickness", "um"),
            _number("width_mm", "WIDTH", "width", "mm"),
            _number("porosity_percent", "POROSITY", "porosity", "%"),
        ),
    ),
    Kind(
        "cell-geometry",
        "cell geometry",
        "cell geometries",
        attributes=(
            Attribute("category", "", "category", type="choice"),
            _number("width_mm", "WIDTH", "width", "mm"),
            _number("length_mm", "LENGTH", "length", "mm"),
            _number("thickness_mm", "THICK", "thickness", "mm"),
            _number("diameter_mm", "DIAM", "diameter", "mm"),
        ),
        shown=(
            NOTES,
            PROPRIETARY,
            "category",
            "width_mm",
            "length_mm",
            "thickness_mm",
            "diameter_mm",
        ),
        has_lots=False,
    ),
    Kind(
        "dry-cell",
        "dry cell",
        "dry cells",
        "label",
        attributes=(
            _node("geometry", "GEO", "geometry", "cell-geometry"),
            _node("cathode", "CATH", "cathode", "electrode"),
            _node("anode", "ANOD", "anode", "electrode"),
            _node("separator", "SEPA", "separator", "separator"),
            _number("nominal_capacity_ah", "CAP", "nominal capacity", "Ah"),
            _number("lower_cutoff_voltage", "LOWER", "lower cut-off voltage", "V"),
            _number("upper_cutoff_voltage", "UPPER", "upper cut-off voltage", "V"),
        ),
        shown=("cathode", "anode"),
    ),
    Kind(
        "electrolyte",
        "electrolyte",
        "electrolytes",
        parts=(("solvents", "molecule"), ("salts", "molecule"), ("additives", "molecule")),
    ),
)
KINDS: Mapping[str, Kind] = {kind.key: kind for kind in _KINDS}
BY_SLUG: Mapping[str, Kind] = {kind.slug: kind for kind in _KINDS}

# A lot knows these beside its label; its name shows those that are chosen.
LOT_ATTRIBUTES = (
    Attribute("vendor", "VEN", "vendor"),
    Attribute("creator", "BY", "creator"),
    Attribute("made_on", "DATE", "date"),
)
LOT_FLAGGED = (NOTES, *(attribute.field for attribute in LOT_ATTRIBUTES))
