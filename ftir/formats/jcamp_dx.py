"""JCAMP-DX 4.24 and 5 (.jdx, .dx), read and written through the ``jcamp`` package."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from battery_db.lib.errors import UnreadableFile
from battery_db.lib.spectra import InfraredSpectrum
from ftir.formats.base import Format, RawSpectrum, axis_of, decode, unit_of

KEPT = ("title", "date", "longdate", "origin", "resolution", "sampling procedure")
DATA = re.compile(
    r"^\s*##\s*(XYDATA|XYPOINTS|PEAK TABLE|PEAKTABLE|NTUPLES|BLOCKS)\s*=", re.I | re.M
)


def sniff(head: bytes, name: str) -> bool:
    text = decode(head)
    return text.lstrip().upper().startswith("##TITLE") and bool(DATA.search(text))


def read(path: Path) -> RawSpectrum:
    """The first infrared block of the file.

    Raises UnreadableFile for peak tables and for other kinds of spectra.
    """
    import jcamp

    text = decode(path.read_bytes())
    if re.search(r"^\s*##\s*PEAK ?TABLE\s*=", text, re.I | re.M):
        raise UnreadableFile(
            "The file holds a table of peaks, not a spectrum.", fix="Export the whole spectrum."
        )
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it finds odd
            whole = jcamp.read(io.StringIO(text))
    except Exception as error:  # the package raises what its parsing happens to meet
        raise UnreadableFile(
            f"The JCAMP-DX data can not be parsed ({type(error).__name__}: {error}).",
            fix="Export it again, as XYDATA.",
        ) from error
    block = _infrared_block(whole)
    axis = axis_of(np.asarray(block["x"], dtype=np.float64), str(block.get("xunits", "")))
    values = np.asarray(block["y"], dtype=np.float64)
    if len(axis) != len(values):
        raise UnreadableFile(
            f"{len(axis)} points are announced, {len(values)} are there: the file was cut off.",
            fix="Export or copy it again.",
        )
    unit = unit_of(str(block.get("yunits", "")))
    metadata = {key: str(block[key]).strip() for key in KEPT if block.get(key)}
    return RawSpectrum(axis, values, unit, metadata)


def _infrared_block(whole: dict[str, Any]) -> dict[str, Any]:
    kinds = []
    for block in (whole, *whole.get("children", [])):
        kind = str(block.get("data type", block.get("datatype", ""))).upper()
        if len(block.get("x", ())) == 0:
            continue
        if "INFRARED" in kind or "IR " in f"{kind} ":
            return dict(block)
        kinds.append(kind or "of no stated kind")
    raise UnreadableFile(
        f"No block is an infrared spectrum; found: {', '.join(kinds) or 'no data'}.",
        fix="Choose a file of DATA TYPE=INFRARED SPECTRUM.",
    )


def write(spectrum: InfraredSpectrum, title: str) -> str:
    """The spectrum as JCAMP-DX 4.24 (XYDATA, AFFN), read back to 1e-7 of its range."""
    axis, values = spectrum.wavenumber_per_cm, spectrum.absorbance
    step = np.diff(axis)
    if np.ptp(step) > 1e-3 * abs(step.mean()):
        body = "\n".join(f"{x:.6f}, {y:.8g}" for x, y in zip(axis, values, strict=True))
        data, factor = f"##XYPOINTS=(XY..XY)\n{body}", ""
    else:
        size = max(float(np.abs(values).max()), 1e-12) / 2**30
        whole = np.round(values / size).astype(np.int64)
        rows = [
            f"{axis[i]:.6f} " + " ".join(str(number) for number in whole[i : i + 8])
            for i in range(0, len(axis), 8)
        ]
        factor = f"##XFACTOR=1\n##YFACTOR={size:.12g}\n"
        data = "##XYDATA=(X++(Y..Y))\n" + "\n".join(rows)
    return (
        f"##TITLE={' '.join(title.split())}\n##JCAMP-DX=4.24\n##DATA TYPE=INFRARED SPECTRUM\n"
        f"##ORIGIN=battery_db\n##OWNER=\n##XUNITS=1/CM\n##YUNITS=ABSORBANCE\n{factor}"
        f"##FIRSTX={axis[0]:.6f}\n##LASTX={axis[-1]:.6f}\n##NPOINTS={len(axis)}\n"
        f"##FIRSTY={values[0]:.8g}\n{data}\n##END=\n"
    )


FORMATS = (Format("jcamp_dx", 1, "JCAMP-DX", (".jdx", ".dx", ".jcm"), sniff, read),)
