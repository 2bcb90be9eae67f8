"""The cast of the demo lab: people, molecules, designs, cells, datasets.

Everything here is invented; the numbers of the cells are those of ``simulation``, and
what they are built from stands in ``battery_db.demo.materials``.
"""

from dataclasses import dataclass, replace

from simulation.aging import Wear, with_additives
from simulation.designs import (
    LCO_GRAPHITE,
    LFP_GRAPHITE,
    NMC622_GRAPHITE,
    NMC811_SILICON,
    CellDesign,
)

TIME_ZONE = "Europe/Berlin"
FOLDER_NAME = "Demo lab"
# user name and role -> password; also in docs/ and printed by the command.
ACCOUNTS = {
    "viewer": "demo-viewer-lab",
    "member": "demo-member-lab",
    "curator": "demo-curator-lab",
    "admin": "demo-admin-lab",
}

# name -> (SMILES, role)
MOLECULES = {
    "EC": ("C1COC(=O)O1", "solvent"),
    "EMC": ("CCOC(=O)OC", "solvent"),
    "DMC": ("COC(=O)OC", "solvent"),
    "LiPF6": ("[Li+].F[P-](F)(F)(F)(F)F", "salt"),
    "VC": ("C1=COC(=O)O1", "additive"),
    "FEC": ("C1C(OC(=O)O1)F", "additive"),
    "DTD": ("C1COS(=O)(=O)O1", "additive"),
    "PES": ("C1C=CS(=O)(=O)O1", "additive"),
    "LiPO2F2": ("[Li+].[O-]P(=O)(F)F", "additive"),
}
LINEAR = "70%EMC+30%EC + 1.2mLiPF6"
TERNARY = "70%DMC+25%EC+5%EMC + 1.2mLiPF6"


@dataclass(frozen=True, slots=True)
class Design:
    """A cell as simulated, how it ages in the base electrolyte, and what records it."""

    model: CellDesign
    wear: Wear
    writer: str
    place: str
    extension: str
    cycler: str
    operator: str


DESIGNS = {
    "NMC622": Design(
        NMC622_GRAPHITE,
        Wear(2.0e-3, 1.4e-4, 6e-5, 7e-4),
        "neware nested text",
        "Neware-A",
        "txt",
        "NW",
        "Sb",
    ),
    "NMC811": Design(
        NMC811_SILICON,
        Wear(2.6e-3, 2.2e-4, 1.6e-4, 8e-4),
        "neware nested csv",
        "Neware-B",
        "csv",
        "NW",
        "Mh",
    ),
    "LFP": Design(
        LFP_GRAPHITE,
        Wear(1.8e-3, 7e-5, 2e-5, 3e-4, reference_volt=3.6),
        "neware flat csv",
        "Neware-C",
        "csv",
        "NW",
        "Rk",
    ),
    "LCO": Design(
        LCO_GRAPHITE,
        Wear(2.0e-3, 2.2e-4, 1.3e-4, 1.0e-3, reference_volt=4.35),
        "bdf csv",
        "Novonix",
        "bdf.csv",
        "NX",
        "Jd",
    ),
}


@dataclass(frozen=True, slots=True)
class DemoCell:
    """A cell as built and as cycled. ``share`` is how much of the planned cycles it has done."""

    cell_id: int
    design: str
    solvent: str
    additives: tuple[tuple[str, str], ...]  # (percent, molecule)
    temperature_celsius: int
    upper_cutoff_volt: float
    rate: float = 1.0
    knee_cycle: float | None = None
    registered: bool = True
    share: float = 1.0
    start_day: int = 0

    @property
    def electrolyte(self) -> str:
        if not self.additives:
            return self.solvent
        parts = "+".join(f"{percent}%{name}" for percent, name in self.additives)
        return f"{self.solvent} + ADDITIVES:({parts})"

    @property
    def wear(self) -> Wear:
        wear = replace(DESIGNS[self.design].wear, knee_cycle=self.knee_cycle)
        return with_additives(wear, {name: float(percent) for percent, name in self.additives})

    @property
    def writer(self) -> str:
        """Every second pouch cell of the old cycler was exported in the other layout."""
        name = DESIGNS[self.design].writer
        return "neware separate text" if name.endswith("text") and self.cell_id % 2 == 0 else name


VC, DTD, FEC = ("2", "VC"), ("1", "DTD"), ("2", "FEC")
CELLS = (
    DemoCell(10001, "NMC622", LINEAR, (), 40, 4.2, knee_cycle=285),
    DemoCell(10002, "NMC622", LINEAR, (), 40, 4.2),
    DemoCell(10003, "NMC622", LINEAR, (VC,), 40, 4.2),
    DemoCell(10004, "NMC622", LINEAR, (VC,), 40, 4.2),
    DemoCell(10005, "NMC622", LINEAR, (DTD,), 40, 4.2),
    DemoCell(10006, "NMC622", LINEAR, (FEC,), 40, 4.2),
    DemoCell(10007, "NMC622", LINEAR, (VC, DTD), 40, 4.2),
    DemoCell(10008, "NMC622", LINEAR, (VC, DTD), 40, 4.2),
    DemoCell(10009, "NMC622", LINEAR, (FEC, DTD), 40, 4.2),
    DemoCell(10010, "NMC622", LINEAR, (VC,), 20, 4.2, start_day=9),
    DemoCell(10011, "NMC622", LINEAR, (VC,), 55, 4.2, knee_cycle=240, start_day=9),
    DemoCell(10012, "NMC622", LINEAR, (VC, DTD), 55, 4.2, start_day=9),
    DemoCell(10013, "NMC811", TERNARY, (FEC,), 30, 4.2, start_day=14),
    DemoCell(10014, "NMC811", TERNARY, (("5", "FEC"),), 30, 4.2, start_day=14),
    DemoCell(10015, "NMC811", TERNARY, (FEC, ("1", "LiPO2F2")), 30, 4.2, start_day=14),
    DemoCell(10016, "NMC811", TERNARY, (("5", "FEC"),), 40, 4.1, 0.5, start_day=15),
    DemoCell(
        10017, "NMC811", TERNARY, (("5", "FEC"), ("1", "LiPO2F2")), 40, 4.1, 0.5, start_day=15
    ),
    DemoCell(10018, "LFP", LINEAR, (VC,), 20, 3.6, start_day=21),
    DemoCell(10019, "LFP", LINEAR, (VC,), 30, 3.6, start_day=21),
    DemoCell(10020, "LFP", LINEAR, (VC,), 55, 3.6, start_day=21),
    DemoCell(10021, "LFP", TERNARY, (), 40, 3.6, start_day=22),
    DemoCell(10022, "LCO", LINEAR, (FEC, ("1", "PES")), 40, 4.35, start_day=28),
    DemoCell(10023, "LCO", LINEAR, (FEC, ("1", "PES")), 40, 4.40, start_day=28),
    DemoCell(10024, "LCO", LINEAR, (FEC, ("1", "PES")), 40, 4.45, knee_cycle=190, start_day=28),
    DemoCell(10025, "NMC622", TERNARY, (VC,), 30, 4.2, registered=False, share=0.15, start_day=70),
    DemoCell(10026, "LFP", TERNARY, (VC,), 30, 3.6, registered=False, share=0.12, start_day=74),
)


def cast(cell_number: int) -> tuple[DemoCell, ...]:
    """So many registered cells, of as many designs as possible, and the unregistered ones."""
    by_design = {name: [c for c in CELLS if c.design == name and c.registered] for name in DESIGNS}
    rank = {c.cell_id: n for cells in by_design.values() for n, c in enumerate(cells)}
    chosen = sorted((c for c in CELLS if c.registered), key=lambda c: (rank[c.cell_id], c.cell_id))
    kept = {c.cell_id for c in chosen[:cell_number]}
    return tuple(c for c in CELLS if c.cell_id in kept or not c.registered)


Range = tuple[str, str, float | None, float | None]


@dataclass(frozen=True, slots=True)
class DemoDataset:
    """``names`` gives each cell its name in this dataset; ``filters`` are named ranges."""

    name: str
    description: str
    names: dict[int, str]
    filters: dict[str, tuple[Range, ...]]


def _rates(charge: tuple[float, float] | None, discharge: tuple[float, float]) -> tuple[Range, ...]:
    discharged: Range = ("discharge", "constant_rate", *discharge)
    return (discharged,) if charge is None else (("charge", "constant_rate", *charge), discharged)


SLOW, USUAL = (0.03, 0.07), (0.85, 1.3)
AGING_FILTERS = {"Check-up": _rates(SLOW, SLOW), "1C cycles": _rates(USUAL, USUAL)}
DATASETS = (
    DemoDataset(
        "Additives at 40 °C",
        "NMC622/graphite pouch cells, 1C, 3.0-4.2 V: what each additive brings.",
        {
            10001: "control A",
            10002: "control B",
            10003: "2% VC A",
            10004: "2% VC B",
            10005: "1% DTD",
            10006: "2% FEC",
            10007: "2% VC + 1% DTD A",
            10008: "2% VC + 1% DTD B",
            10009: "2% FEC + 1% DTD",
        },
        AGING_FILTERS,
    ),
    DemoDataset(
        "Temperature",
        "The same electrolyte with 2% VC from 20 to 55 °C.",
        {10010: "20 °C", 10003: "40 °C", 10011: "55 °C", 10012: "55 °C, with DTD"},
        AGING_FILTERS,
    ),
    DemoDataset(
        "Rate maps",
        "One cell of each design; discharges from C/5 to 3C after charging at C/2.",
        {
            10003: "NMC622/graphite",
            10014: "NMC811/SiGr",
            10019: "LFP/graphite",
            10023: "LCO/graphite",
        },
        {
            "C/20 C/20": _rates((0.03, 0.1), (0.03, 0.1)),
            "C/5": _rates((0.3, 0.7), (0.15, 0.3)),
            "C/2": _rates((0.3, 0.7), (0.3, 0.7)),
            "1C": _rates((0.3, 0.7), (0.85, 1.5)),
            "2C": _rates(None, (1.5, 2.4)),
            "3C": _rates(None, (2.4, 4.0)),
        },
    ),
    DemoDataset(
        "High-voltage LCO",
        "LCO/graphite at three upper cut-off voltages, 40 °C.",
        {10022: "4.35 V", 10023: "4.40 V", 10024: "4.45 V"},
        {
            "Check-up": _rates(SLOW, SLOW),
            "To 4.40 V and above": (
                ("charge", "constant_rate", 0.85, 1.3),
                ("charge", "end_voltage", 4.38, None),
            ),
        },
    ),
)
