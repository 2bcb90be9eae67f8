"""The experiments a lab does to its cells, as data: words, cyclers, needed fields.

One row per kind of experiment and set of cyclers; the first row that matches says
what a file of it must tell to be of use. After the rules of the reference
(operator and date always; the rest by kind).
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from battery_db.lib.errors import LabError


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file is about. Field names and values are those of ``FileMetadata``."""

    experiment: str = ""
    cycler: str = ""
    cell_id: int | None = None
    start_cycle: int | None = None
    upper_cutoff_voltage: float | None = None
    temperature_celsius: float | None = None
    operator: str = ""
    date: dt.date | None = None
    drive_profile: str = ""
    electrode: str = ""


METADATA_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Metadata))

CYCLERS: Mapping[str, tuple[str, ...]] = {
    "neware": ("nw", "neware"),
    "maccor": ("maccor",),
    "moli": ("mo", "moli"),
    "uhpc": ("uhpc",),
    "novonix": ("nx", "novonix"),
}
CYCLER_TITLES: Mapping[str, str] = {
    "neware": "Neware",
    "maccor": "Maccor",
    "moli": "Moli",
    "uhpc": "UHPC",
    "novonix": "Novonix",
}
EXTENSION_CYCLERS: Mapping[str, str] = {"nda": "neware", "ndax": "neware"}
# Written beside data by people and programs; never a measurement.
NOT_DATA = frozenset({
    "pdf", "png", "jpg", "jpeg", "gif", "svg", "bmp", "tif", "tiff", "doc", "docx", "ppt", "pptx", "odt", "md", "html", "htm", "exe", "dll", "ini", "lnk"
})  # fmt: skip

ALWAYS = ("operator", "date")
CELL = ("cell_id",)
CELL_CYCLE = (*CELL, "start_cycle")
CONDITIONS = ("upper_cutoff_voltage", "temperature_celsius")
FULL = (*CELL_CYCLE, *CONDITIONS)
ANY_CYCLER = ("", *CYCLERS)
DETAILED = ("neware", "moli", "uhpc", "novonix")
PLAIN = ("maccor", "")


# What is done with the files of a kind that a lab added: the built-in kind as which they
# are kept, and what a person reads.
BEHAVIOURS: Mapping[str, tuple[str, str]] = {
    "cycling": ("cycling", "imported as cycling data"),
    "impedance": ("impedance", "imported as impedance spectra"),
    "spectra": ("ftir", "imported as infrared spectra"),
    "none": ("other", "kept and found, not imported"),
}
OTHER = "other"


@dataclass(frozen=True, slots=True)
class ExperimentType:
    """``code`` is how a generated name says it; ``aliases`` how a name may say it.

    ``behaviour`` is a key of ``BEHAVIOURS`` for a kind that the lab added, and empty for a
    built-in one, which is what it is.
    """

    experiment: str
    title: str
    code: str
    aliases: tuple[str, ...]
    cyclers: tuple[str, ...]
    needs: tuple[str, ...]
    behaviour: str = ""

    @property
    def need_words(self) -> tuple[str, ...]:
        return tuple(FIELD_WORDS[name][0] for name in self.needs)


_CYCLING = ("cycling", "cycling", "CYC", ("cyc", "cycling"))
_FORMATION = ("formation", "formation", "FM", ("fm", "form", "formation"))
_IMPEDANCE = ("impedance", "impedance", "EIS", ("eis", "fra"))

EXPERIMENT_TYPES: tuple[ExperimentType, ...] = (
    ExperimentType(*_CYCLING, DETAILED, FULL),
    ExperimentType(*_CYCLING, PLAIN, CELL_CYCLE),
    ExperimentType(*_FORMATION, DETAILED, (*CELL, *CONDITIONS)),
    ExperimentType(*_FORMATION, PLAIN, (*CELL, "upper_cutoff_voltage")),
    ExperimentType("rpt", "reference performance test", "RPT", ("rpt",), ("neware",), FULL),
    ExperimentType(*_IMPEDANCE, ("", "neware"), FULL),
    ExperimentType(*_IMPEDANCE, ("maccor",), CELL_CYCLE),
    ExperimentType(
        "symmetric",
        "symmetric cell impedance",
        "SYM",
        ("sym", "symmetric"),
        ANY_CYCLER,
        (*FULL, "electrode"),
    ),
    # A spectrum of the electrolyte of one cell. Extraction ends the cell's life, and
    # fresh electrolyte has seen no cycle, so the start cycle says something but is not needed.
    ExperimentType("ftir", "FTIR", "FTIR", ("ftir",), ANY_CYCLER, CELL),
    ExperimentType(
        "gas_insitu",
        "gas in situ",
        "GasInSitu",
        ("gasinsitu", "insitugas", "insitu"),
        ANY_CYCLER,
        FULL,
    ),
    ExperimentType("arc", "thermal, ARC", "ARC", ("arc",), ANY_CYCLER, FULL),
    ExperimentType("tam", "thermal, microcalorimetry", "TAM", ("tam",), ANY_CYCLER, FULL),
    ExperimentType(
        "storage_smart",
        "storage, smart",
        "STOSmart",
        ("stosmart", "smart", "smartstorage", "storagesmart"),
        ANY_CYCLER,
        FULL,
    ),
    ExperimentType(
        "storage_dumb",
        "storage, dumb",
        "STODumb",
        ("stodumb", "dumb", "dumbstorage", "storagedumb"),
        ANY_CYCLER,
        FULL,
    ),
    ExperimentType("gcms", "electrolyte, GC-MS", "GCMS", ("gcms",), ANY_CYCLER, CELL_CYCLE),
    ExperimentType("ldta", "electrolyte, Li-DTA", "LDTA", ("ldta",), ANY_CYCLER, FULL),
    ExperimentType(
        "xps", "electrode, XPS", "XPS", ("xps",), ANY_CYCLER, (*CELL_CYCLE, "electrode")
    ),
)

EXPERIMENT_TITLES: Mapping[str, str] = {row.experiment: row.title for row in EXPERIMENT_TYPES}


class Grammar:
    """What a lab's names may say: the rows of its experiments, and the words found in them.

    Raises LabError when a word stands for two kinds of experiment, or when two rows are
    about the same kind and cycler.
    """

    def __init__(self, types: Sequence[ExperimentType]) -> None:
        self.types = tuple(types)
        self.words: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.titles: dict[str, str] = dict(EXPERIMENT_TITLES)
        self._behaviours: dict[str, str] = {}
        self._rows: dict[tuple[str, str], ExperimentType] = {}
        for row in self.types:
            self.codes.setdefault(row.experiment, row.code)
            self.titles.setdefault(row.experiment, row.title)
            if self._behaviours.setdefault(row.experiment, row.behaviour) != row.behaviour:
                raise LabError(
                    f"Two rules say different things about what is done with {row.title}.",
                    fix="Choose the same in both.",
                )
            for cycler in row.cyclers:
                if self._rows.setdefault((row.experiment, cycler), row) is not row:
                    named = CYCLER_TITLES.get(cycler, "no named cycler")
                    raise LabError(
                        f"Another rule is about {row.title} from {named} already.",
                        fix="Change that rule, or choose other cyclers.",
                    )
            for word in row.aliases:
                known = self.words.setdefault(word, row.experiment)
                if known != row.experiment:
                    raise LabError(
                        f"The word '{word}' would stand for {self.titles[known]} and for "
                        f"{row.title}.",
                        fix="Choose another word for one of them.",
                    )

    def find(self, experiment: str, cycler: str) -> ExperimentType | None:
        """The row for a combination; None when the lab does not know such a combination."""
        return self._rows.get((experiment, cycler))

    def kept_as(self, experiment: str) -> str:
        """The built-in kind as which the files of a kind are kept: itself, but for own kinds."""
        behaviour = self._behaviours.get(experiment, "")
        return BEHAVIOURS[behaviour][0] if behaviour else experiment

    def is_own(self, experiment: str) -> bool:
        """Whether the lab added this kind."""
        return bool(self._behaviours.get(experiment))

    def needs_electrode(self, experiment: str) -> bool:
        return any(row.experiment == experiment and "electrode" in row.needs for row in self.types)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Every kind and its title: the built-in ones, then those of the lab."""
        return list(self.titles.items())


# What holds until a lab writes rules of its own.
DEFAULT_GRAMMAR = Grammar(EXPERIMENT_TYPES)
CYCLER_WORDS: Mapping[str, str] = {
    alias: cycler for cycler, aliases in CYCLERS.items() for alias in aliases
}

# What a person reads when a field is missing: its name, and how a file name says it.
FIELD_WORDS: Mapping[str, tuple[str, str]] = {
    "experiment": ("kind of experiment", "CYC for cycling, FM for formation, EIS, FTIR"),
    "cycler": ("cycler", "a word such as NW for Neware"),
    "cell_id": ("Cell ID", "five or six digits, such as 10001"),
    "start_cycle": ("start cycle", "c0 for a fresh cell, c120 after 120 cycles"),
    "upper_cutoff_voltage": ("voltage", "a word such as 42V or 4.2V"),
    "temperature_celsius": ("temperature", "a word such as 30C or _-10C"),
    "operator": ("initials", "two to five letters at the front"),
    "date": ("date", "YYMMDD, such as 240131"),
    "drive_profile": ("drive profile", "a word such as 1C1C or C3D2"),
    "electrode": ("electrode", "a or c after the kind of experiment"),
}
MAX_CELL_ID = 2_147_483_647
MAX_START_CYCLE = 1_000_000
VOLTAGE_RANGE = (0.0, 9.99)  # V
TEMPERATURE_RANGE = (-100.0, 300.0)  # degC


def needed_fields(metadata: Metadata, grammar: Grammar = DEFAULT_GRAMMAR) -> tuple[str, ...]:
    row = grammar.find(metadata.experiment, metadata.cycler)
    return (*ALWAYS, *row.needs) if row else (*ALWAYS, *CELL)


def find_problems(metadata: Metadata, grammar: Grammar = DEFAULT_GRAMMAR) -> tuple[str, ...]:
    """Why this metadata is not of use yet, in words; empty when it is valid."""
    problems = _combination_problems(metadata, grammar)
    for field in needed_fields(metadata, grammar):
        if getattr(metadata, field) in (None, ""):
            word, example = FIELD_WORDS[field]
            problems.append(f"No {word}: expected {example}.")
    return tuple(problems)


def _combination_problems(metadata: Metadata, grammar: Grammar) -> list[str]:
    if not metadata.experiment:
        word, example = FIELD_WORDS["experiment"]
        return [f"No {word}: expected {example}."]
    if grammar.find(metadata.experiment, metadata.cycler) is not None:
        return []
    title = grammar.titles.get(metadata.experiment, metadata.experiment)
    known = [
        CYCLER_TITLES.get(cycler, "no named cycler")
        for row in grammar.types
        if row.experiment == metadata.experiment
        for cycler in row.cyclers
    ]
    found = CYCLER_TITLES.get(metadata.cycler, metadata.cycler)
    found = f"says {found}" if found else "names no cycler"
    if not known:
        return [f"Names of the kind {title} are not in use here: see the grammar."]
    return [f"A file of the kind {title} is known from {' or '.join(known)}; this one {found}."]


def keep_manual(
    parsed: tuple[Metadata, Sequence[str]],
    current: Metadata,
    manual: Collection[str],
    grammar: Grammar = DEFAULT_GRAMMAR,
) -> tuple[Metadata, tuple[str, ...]]:
    """What a name says, but for the fields that a person has set.

    Once a person has had a hand in it, the doubts of the parser no longer count: the
    metadata is valid when it has every field that its kind of experiment needs.
    """
    fields, problems = parsed
    kept = {name: getattr(current, name) for name in manual if name in METADATA_FIELDS}
    if not kept:
        return fields, tuple(problems)
    merged = replace(fields, **kept)
    return merged, find_problems(merged, grammar)
