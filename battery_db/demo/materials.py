"""What the cells of the demo lab are built from: powders, electrodes, separators, boxes.

Everything here is invented, within what is usual: coating density is loading over
thickness, porosity follows from it and the densities of the parts, and anodes hold a
tenth more than cathodes.
"""

from dataclasses import dataclass

from cells.descriptions import Described, DescribedLot, DescribedPart
from cells.formulas import read_formula
from simulation.designs import (
    LCO_GRAPHITE,
    LFP_GRAPHITE,
    NMC622_GRAPHITE,
    NMC811_SILICON,
    CellDesign,
)

Shares = tuple[tuple[Described, str | None], ...]
ALWAYS = ("notes", "proprietary")


def _active(formula: str, coating: Described | None = None, **values: str) -> Described:
    atoms = tuple(
        DescribedPart("atoms", Described("atom", symbol), amount, "")
        for symbol, amount in read_formula(formula)
    )
    children = {"coating": coating} if coating else {}
    told = (name for name in ("material_type", "origin", "crystal") if name in values)
    shown = (*ALWAYS, *told, *children)
    return Described("active-material", shown=shown, values=values, children=children, parts=atoms)


def _inactive(name: str, role: str, description: str) -> Described:
    return Described("inactive-material", name, values={"role": role, "description": description})


def _parts(group: str, shares: Shares) -> tuple[DescribedPart, ...]:
    return tuple(DescribedPart(group, node, percent) for node, percent in shares)


def _electrode(polarity: str, actives: Shares, inactives: Shares, **sizes: str) -> Described:
    parts = _parts("actives", actives) + _parts("inactives", inactives)
    shown = (*ALWAYS, "loading_mg_cm2")
    return Described("electrode", shown=shown, values={"polarity": polarity, **sizes}, parts=parts)


def _separator(materials: Shares, **sizes: str) -> Described:
    parts = _parts("materials", materials)
    return Described("separator", shown=(*ALWAYS, "thickness_um"), values=sizes, parts=parts)


def _dry_cell(
    model: CellDesign, cathode: Described, anode: Described, separator: Described, shape: Described
) -> Described:
    values = {
        "nominal_capacity_ah": str(model.nominal_capacity_ah),
        "lower_cutoff_voltage": str(model.lower_cutoff_volt),
        "upper_cutoff_voltage": str(model.upper_cutoff_volt),
    }
    parts = {"geometry": shape, "cathode": cathode, "anode": anode, "separator": separator}
    return Described(
        "dry-cell",
        model.name,
        notes="Simulated for the demo lab.",
        shown=("proprietary",),
        values=values,
        children=parts,
    )


ALUMINA = Described("coating", "Al2O3", values={"description": "Alumina."})
NMC622 = _active(
    "LiNi0.6Mn0.2Co0.2O2",
    material_type="NMC622",
    crystal="poly",
    particle_size_um="10",
    preparation_temperature_celsius="850",
)
NMC811 = _active(
    "LiNi0.8Mn0.1Co0.1O2",
    material_type="NMC811",
    crystal="single",
    particle_size_um="3.5",
    preparation_temperature_celsius="780",
)
LFP = _active("LiFePO4", material_type="LFP", particle_size_um="1.2")
LCO = _active("LiCoO2", ALUMINA, material_type="LCO", particle_size_um="16")
GRAPHITE = _active(
    "C",
    material_type="graphite",
    origin="artificial",
    particle_size_um="16",
    turbostratic_misalignment_percent="5",
)
SILICON_OXIDE = _active("SiO?", material_type="SiOx", particle_size_um="5")

PVDF = _inactive("PVDF", "binder", "Polyvinylidene fluoride.")
CMC = _inactive("CMC", "binder", "Carboxymethyl cellulose, sodium salt.")
SBR = _inactive("SBR", "binder", "Styrene-butadiene rubber.")
CARBON = _inactive("Carbon black", "conductive", "Conductive carbon black.")
USUAL: Shares = ((PVDF, "2"), (CARBON, "2"))
IN_WATER: Shares = ((SBR, "2"), (CMC, "1.5"), (CARBON, "1"))

NMC622_CATHODE = _electrode(
    "cathode",
    ((NMC622, "100"),),
    USUAL,
    loading_mg_cm2="18",
    thickness_um="53",
    density_g_cm3="3.4",
    porosity_percent="23",
)
NMC811_CATHODE = _electrode(
    "cathode",
    ((NMC811, "100"),),
    USUAL,
    loading_mg_cm2="16",
    thickness_um="46",
    density_g_cm3="3.48",
    porosity_percent="21",
)
LFP_CATHODE = _electrode(
    "cathode",
    ((LFP, "100"),),
    ((PVDF, "3"), (CARBON, "3")),
    loading_mg_cm2="12",
    thickness_um="55",
    density_g_cm3="2.18",
    porosity_percent="36",
)
LCO_CATHODE = _electrode(
    "cathode",
    ((LCO, "100"),),
    ((PVDF, "1.5"), (CARBON, "1.5")),
    loading_mg_cm2="19.5",
    thickness_um="48",
    density_g_cm3="4.06",
    porosity_percent="15",
)
NMC622_ANODE = _electrode(
    "anode",
    ((GRAPHITE, "100"),),
    IN_WATER,
    loading_mg_cm2="9.9",
    thickness_um="64",
    density_g_cm3="1.55",
    porosity_percent="29",
)
SILICON_ANODE = _electrode(
    "anode",
    ((GRAPHITE, "90"), (SILICON_OXIDE, "10")),
    IN_WATER,
    loading_mg_cm2="7.6",
    thickness_um="51",
    density_g_cm3="1.49",
    porosity_percent="31",
)
LFP_ANODE = _electrode(
    "anode",
    ((GRAPHITE, "100"),),
    IN_WATER,
    loading_mg_cm2="5.9",
    thickness_um="41",
    density_g_cm3="1.44",
    porosity_percent="34",
)
LCO_ANODE = _electrode(
    "anode",
    ((GRAPHITE, "100"),),
    IN_WATER,
    loading_mg_cm2="10.7",
    thickness_um="67",
    density_g_cm3="1.6",
    porosity_percent="27",
)
NO_ANODE = Described(
    "electrode", notes="anode-free: bare copper foil", shown=ALWAYS, values={"polarity": "anode"}
)


def _undisclosed(polarity: str) -> Described:
    shown = (*ALWAYS, "polarity")
    return Described(
        "electrode",
        notes="undisclosed",
        proprietary=True,
        shown=shown,
        values={"polarity": polarity},
    )


PP = Described("separator-material", "PP", values={"description": "Polypropylene."})
PE = Described("separator-material", "PE", values={"description": "Polyethylene."})
# How much of each is in the laminate, its maker does not say.
LAMINATE = _separator(((PP, None), (PE, None)), thickness_um="16", porosity_percent="40")
POLYETHYLENE = _separator(((PE, "100"),), thickness_um="20", porosity_percent="42")

POUCH = Described(
    "cell-geometry",
    values={"category": "pouch", "width_mm": "20", "length_mm": "35", "thickness_mm": "4"},
)
CYLINDER = Described(
    "cell-geometry", values={"category": "cylindrical", "diameter_mm": "18", "length_mm": "65"}
)
COIN = Described(
    "cell-geometry", values={"category": "coin", "diameter_mm": "20", "thickness_mm": "3.2"}
)

DRY_CELLS = {
    "NMC622": _dry_cell(NMC622_GRAPHITE, NMC622_CATHODE, NMC622_ANODE, LAMINATE, POUCH),
    "NMC811": _dry_cell(NMC811_SILICON, NMC811_CATHODE, SILICON_ANODE, LAMINATE, POUCH),
    "LFP": _dry_cell(LFP_GRAPHITE, LFP_CATHODE, LFP_ANODE, POLYETHYLENE, CYLINDER),
    "LCO": _dry_cell(LCO_GRAPHITE, LCO_CATHODE, LCO_ANODE, LAMINATE, POUCH),
    "anode-free": Described(
        "dry-cell",
        "NMC811/copper pouch, anode-free",
        shown=("proprietary",),
        values={"lower_cutoff_voltage": "3.6", "upper_cutoff_voltage": "4.4"},
        children={
            "geometry": POUCH,
            "cathode": NMC811_CATHODE,
            "anode": NO_ANODE,
            "separator": POLYETHYLENE,
        },
    ),
    "undisclosed": Described(
        "dry-cell",
        "Coin cell of a partner",
        proprietary=True,
        shown=("proprietary",),
        children={
            "geometry": COIN,
            "cathode": _undisclosed("cathode"),
            "anode": _undisclosed("anode"),
        },
    ),
}


@dataclass(frozen=True, slots=True)
class Box:
    """Dry cells that came together, and the Cell IDs of those that were filled."""

    lot: DescribedLot
    design: str
    cell_ids: range = range(0)


def _box(box_id: str, creator: str, made_on: str, vendor: str = "") -> DescribedLot:
    return DescribedLot(box_id, vendor, creator, made_on)


BOXES = (
    Box(_box("B-0141", "Sb", "2024-11-12"), "NMC622", range(10001, 10010)),
    Box(_box("B-0142", "Sb", "2024-11-19"), "NMC622", range(10010, 10013)),
    Box(_box("B-0150", "Mh", "2024-12-03"), "NMC811", range(10013, 10018)),
    Box(_box("B-0156", "Rk", "2024-12-10"), "LFP", range(10018, 10022)),
    Box(_box("B-0163", "Jd", "2025-01-07"), "LCO", range(10022, 10025)),
    Box(_box("B-0170", "Mh", "2025-01-21"), "anode-free"),
    Box(_box("B-0171", "", "2025-01-28", "A partner"), "undisclosed"),
)

# Mixed once, filled into two cells.
MIXED = DescribedLot("E-117", creator="Sb", made_on="2025-01-14")
FILLED_FROM_MIXED = (10003, 10004)
