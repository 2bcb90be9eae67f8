"""Readers of infrared files: recognise a file by its content and read it as absorbance.

A format is a ``sniff`` and a ``read``; it joins by a line in ``FORMATS``. A reader whose
output changes gets a higher ``version``, and files it read are read again.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from battery_db.lib.errors import LabError, UnknownFormat, UnreadableFile
from battery_db.lib.spectra import InfraredSpectrum
from ftir.formats import asp, binary, jcamp_dx, table
from ftir.formats.base import Array, Format, RawSpectrum
from ftir.spectra import Notice, check, to_absorbance

__all__ = ["FORMATS", "Format", "RawSpectrum", "Reading", "read", "recognise", "try_read"]

HEAD_BYTES = 64 * 1024
MOST_BYTES = 64 * 1024 * 1024
MOST_FRACTION = 2.0  # no background lets a sample pass twice the light
FORMATS: tuple[Format, ...] = (*binary.FORMATS, *jcamp_dx.FORMATS, *asp.FORMATS, *table.FORMATS)


@dataclass(frozen=True, slots=True)
class Reading:
    """A spectrum with ascending wavenumbers, and what was noticed while reading it."""

    format: Format
    spectrum: InfraredSpectrum
    notices: tuple[Notice, ...]


def recognise(path: Path) -> Format:
    """The format of a file, by its first 64 KiB; raises UnreadableFile or UnknownFormat."""
    if not path.is_file():
        raise UnreadableFile("This is no file.", fix="Choose a file that the spectrometer wrote.")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise UnreadableFile("The file is empty (0 bytes).", fix="Export the spectrum again.")
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableFile(
            f"The file has {path.stat().st_size / 2**20:.0f} MiB; a spectrum has a few.",
            fix="Export one spectrum per file.",
        )
    for format_ in FORMATS:
        if format_.sniff(head, path.name):
            return format_
    start = "".join(mark if mark.isprintable() else "·" for mark in head[:24].decode("latin-1"))
    raise UnknownFormat(
        f"No reader of infrared spectra recognises the content; it begins with '{start}'.",
        fix="Readable are: " + "; ".join(format_.title for format_ in FORMATS) + ".",
    )


def read(path: Path) -> Reading:
    """Recognise and read a file as absorbance.

    Raises LabError when its content is no infrared spectrum. An OSError of the machine
    passes through.
    """
    format_ = recognise(path)
    raw = format_.read(path)
    unit, notices = _plain_unit(raw)
    absorbance, found = to_absorbance(raw.value, unit)
    axis, values, seen = check(raw.wavenumber_per_cm, absorbance)
    metadata = {key: _printable(value) for key, value in raw.metadata.items() if value}
    spectrum = InfraredSpectrum(axis, values, path.name, metadata)
    return Reading(format_, spectrum, (*notices, *found, *seen))


def _plain_unit(raw: RawSpectrum) -> tuple[str, tuple[Notice, ...]]:
    notices = [Notice(code, text) for code, text in raw.notes]
    unit = raw.unit
    if unit.endswith("reflectance"):
        notices.append(
            Notice(
                "reflectance", "Reflectance was read as log 1/R; intensities are not those of ATR."
            )
        )
        unit = "percent" if unit.startswith("percent") else "transmittance"
    # Many programs write percent below a label that says no percent.
    middle = _middle(raw.value)
    if unit == "transmittance" and middle > MOST_FRACTION:
        unit = "percent"
        notices.append(
            Notice(
                "percent_unsaid",
                f"The file does not say percent, but its values do (median {middle:.3g}):"
                " they were read as percent.",
            )
        )
    return unit, tuple(notices)


def _middle(value: Array) -> float:
    finite = value[np.isfinite(value)]
    return float(np.median(finite)) if len(finite) else 0.0


def _printable(text: str) -> str:
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in text[:500])


def try_read(path: Path) -> Reading | LabError:
    """As ``read``, but an error that a person can fix is returned, to go on with others."""
    try:
        return read(path)
    except LabError as error:
        return error
