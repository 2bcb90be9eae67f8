"""PalmSens PSTrace: .pssession, UTF-16 JSON with one data set per measurement.

Arrays named ZRe, ZIm and Frequency; PSTrace keeps the imaginary part as -Z''.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from battery_db.lib.encodings import decode_head
from battery_db.lib.errors import MissingColumn, UnreadableFile
from battery_db.lib.spectra import FloatArray
from eis.formats.base import Format, Reading
from eis.formats.sweeps import Table, reading_of

ROLES = {"Frequency": "frequency", "ZRe": "real", "ZIm": "imaginary", "mEdc": "voltage"}


def sniff(head: bytes, name: str) -> bool:
    return "PalmSens.DataFiles.SessionFile" in decode_head(head[:400])


def read(path: Path) -> Reading:
    text = path.read_bytes().decode("utf-16", "replace")
    try:
        session, _ = json.JSONDecoder().raw_decode(text)
    except ValueError as error:
        raise UnreadableFile(
            f"The session is damaged: {error}.", fix="Save it again in PSTrace."
        ) from error
    parts = list(_spectra(session))
    if not parts:
        raise MissingColumn(
            "No measurement of the session has the arrays Frequency, ZRe and ZIm.",
            fix="If it is no impedance, correct the kind of experiment on the file's page.",
        )
    roles = set(parts[0]).intersection(*parts)
    columns = {role: np.concatenate([part[role] for part in parts]) for role in sorted(roles)}
    blocks = np.repeat(np.arange(len(parts)), [len(part["frequency"]) for part in parts])
    titles = [str(m.get("Title", "")) for m in session.get("Measurements", []) if m]
    return reading_of(
        Table(columns, blocks=blocks, is_certain=True), path.stem, {"title": ", ".join(titles)}
    )


def _spectra(session: Any) -> Iterator[dict[str, FloatArray]]:
    for measurement in session.get("Measurements") or []:
        arrays: dict[str, FloatArray] = {}
        for array in ((measurement or {}).get("DataSet") or {}).get("Values") or []:
            role = ROLES.get(array.get("Description", ""))
            if role and role not in arrays:
                arrays[role] = np.array(
                    [float(value.get("V", "nan")) for value in array.get("DataValues") or []]
                )
        if {"frequency", "real", "imaginary"} <= set(arrays):
            arrays["imaginary"] = -arrays["imaginary"]
            size = min(len(arrays[role]) for role in ("frequency", "real", "imaginary"))
            yield {role: values[:size] for role, values in arrays.items() if len(values) >= size}


FORMATS = (Format("palmsens_pssession", 1, "PalmSens .pssession", (".pssession",), sniff, read),)
