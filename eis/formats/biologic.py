"""BioLogic: .mpr and .mpt of PEIS and GEIS, through the tables of ``battery_db.lib.biologic``."""

from pathlib import Path

import numpy as np

from battery_db.lib import biologic
from battery_db.lib.errors import MissingColumn
from eis.formats.base import Finding, Format, Reading
from eis.formats.columns import columns_of, is_impedance
from eis.formats.sweeps import reading_of, scaled


def sniff_mpr(head: bytes, name: str) -> bool:
    return biologic.is_mpr(head)


def sniff_mpt(head: bytes, name: str) -> bool:
    return biologic.is_mpt(head)


def read(path: Path) -> Reading:
    """EC-Lab's ``cycle number`` tells the spectra of one file apart."""
    table = biologic.read(path)
    headers = columns_of(table.frame.columns)
    if not is_impedance(headers):
        raise MissingColumn(
            f"The file holds {table.technique or 'a measurement'} without a frequency column; "
            f"found: {', '.join(table.frame.columns[:8])}.",
            fix="If it is cycling data, correct the kind of experiment on the file's page.",
        )
    values = {
        role: table.frame.to_series(place).to_numpy().astype(np.float64)
        for role, (place, _) in headers.items()
    }
    metadata = {key: value for key, value in table.metadata.items() if len(key) < 40}
    if table.started_at is not None:
        metadata["started_at"] = table.started_at.isoformat()
    reading = reading_of(
        scaled(values, {role: column for role, (_, column) in headers.items()}),
        path.stem,
        metadata,
        is_partial=table.is_partial,
    )
    if not table.is_partial:
        return reading
    cut = Finding("cut_off", "The file ends before its last record; what is there was read.")
    return Reading(
        reading.spectra, reading.metadata, (*reading.findings, cut), reading.refused, True
    )


FORMATS = (
    Format("biologic_mpr", 1, "BioLogic .mpr", (".mpr",), sniff_mpr, read),
    Format("biologic_mpt", 1, "BioLogic .mpt", (".mpt", ".txt"), sniff_mpt, read),
)
