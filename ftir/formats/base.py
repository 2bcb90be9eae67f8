"""What a reader of infrared files is, and what it returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import LabError, UnreadableFile

Array = NDArray[np.float64]
MOST_POINTS = 1_000_000


@dataclass(frozen=True, slots=True)
class RawSpectrum:
    """Values as the file holds them; ``ftir.formats.read`` turns them into absorbance.

    ``unit`` is "absorbance", "transmittance", "percent", "reflectance",
    "percent reflectance" or "" where the file does not say.
    """

    wavenumber_per_cm: Array
    value: Array
    unit: str
    metadata: dict[str, str] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: ``sniff(first 64 KiB, file name)`` and ``read(path)``."""

    name: str
    version: int
    title: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes, str], bool]
    read: Callable[[Path], RawSpectrum]


def decode(content: bytes) -> str:
    """Text of UTF-8, UTF-16 with a mark, or Windows-1252, with plain line ends."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def unit_of(label: str) -> str:
    """The unit that the words of a label mean, or "" where they mean none."""
    words = label.lower()
    percent = "%" in words or "percent" in words
    if "reflect" in words or words.strip() in ("%r", "r"):
        return "percent reflectance" if percent else "reflectance"
    if "transmi" in words or words.strip() in ("%t", "t") or "%t" in words:
        return "percent" if percent else "transmittance"
    if "absor" in words or words.strip() in ("a", "abs", "au", "a.u.", "log(1/r)"):
        return "absorbance"
    return ""


def axis_of(values: Array, label: str) -> Array:
    """Wavenumbers in 1/cm from an axis in 1/cm or micrometre.

    Raises LabError for an axis that is neither.
    """
    words = label.lower().replace(" ", "")
    if "micro" in words or words in ("um", "µm", "μm"):
        result: Array = 1e4 / values
        return result
    if "nano" in words or words == "nm":
        nanometre: Array = 1e7 / values
        return nanometre
    if words and not any(mark in words for mark in ("cm", "wavenumber", "arbitrary", "notused")):
        raise LabError(
            f"The axis is in {label.strip()}; wavenumbers in 1/cm were expected.",
            fix="This is no infrared spectrum, or it must be exported against wavenumber.",
        )
    return values


def numbers(texts: list[str], what: str) -> Array:
    """Texts as numbers; raises UnreadableFile that names the first that is none."""
    try:
        return np.array(texts, dtype=np.float64)
    except ValueError:
        for number, text in enumerate(texts, 1):
            try:
                float(text)
            except ValueError as error:
                raise UnreadableFile(
                    f"{what} {number} is '{text[:40]}', not a number.",
                    fix="Look for damage in the file; export it again.",
                ) from error
        raise
