"""Binary files: Galactic .spc and Bruker OPUS through packages, Thermo .spa by its blocks.

The only permissive package that reads .spa, spectrochempy, brings IPython, Matplotlib
and scikit-learn with it; the layout is a table of blocks at byte 304.
"""

import io
import logging
import struct
import warnings
from pathlib import Path

import numpy as np

from battery_db.lib.errors import UnreadableFile
from ftir.formats.base import MOST_POINTS, Format, RawSpectrum, axis_of, unit_of

SPA_MARK = b"Spectral Data File"
SPA_TABLE = 304
SPA_ENTRY = 16
SPA_HEADER, SPA_DATA = 2, 3
SPA_UNITS = {11: "percent reflectance", 12: "absorbance", 16: "percent", 17: "absorbance",
             21: "reflectance"}  # fmt: skip
SPC_VERSIONS = (0x4B, 0x4C, 0x4D)
SPC_UNITS = {"YABSRB": "absorbance", "YTRANS": "transmittance", "YREFLEC": "reflectance"}
SPC_WAVENUMBER = ("XWAVEN", "XARB", "XUNITS")
SPC_AXES = {"XUMETR": "micrometre", "XNMETR": "nanometre", "XRAMANS": "Raman shift"}
OPUS_MARK = b"\x0a\x0a\xfe\xfe"


def sniff_spa(head: bytes, name: str) -> bool:
    return head.startswith(SPA_MARK)


def read_spa(path: Path) -> RawSpectrum:
    """The first data block of an OMNIC file and the header that describes it."""
    content = path.read_bytes()
    try:
        (count,) = struct.unpack_from("<H", content, 294)
        blocks: dict[int, tuple[int, int]] = {}
        for index in range(count):
            kind, offset, size = struct.unpack_from("<HII", content, SPA_TABLE + index * SPA_ENTRY)
            blocks.setdefault(kind & 0xFF, (offset, size))
        header, _ = blocks[SPA_HEADER]
        start, size = blocks[SPA_DATA]
        points, _, y_type, first, last = struct.unpack_from("<III2f", content, header + 4)
        if points > MOST_POINTS or size < 4 * points or start + 4 * points > len(content):
            raise ValueError(f"{points} points are announced, {size // 4} are there")
    except (struct.error, KeyError, ValueError) as error:
        raise UnreadableFile(
            f"The blocks of this .spa file can not be followed ({error}).",
            fix="Copy the file again, or export it as JCAMP-DX.",
        ) from error
    values = np.frombuffer(content, "<f4", points, start).astype(np.float64)
    title = content[30:285].split(b"\0")[0].decode("latin-1")
    return RawSpectrum(
        np.linspace(first, last, points), values, SPA_UNITS.get(y_type, ""), {"title": title}
    )


def sniff_spc(head: bytes, name: str) -> bool:
    return len(head) > 512 and head[1] in SPC_VERSIONS and name.lower().endswith(".spc")


def read_spc(path: Path) -> RawSpectrum:
    """The first sub-file."""
    from spc_io import SPC

    # It warns of each file without a date, which most are.
    logging.getLogger("spc_io").setLevel(logging.ERROR)
    try:
        whole = SPC.from_bytes_io(io.BytesIO(path.read_bytes()))
        first = whole[0]
        axis = np.asarray(first.xarray, dtype=np.float64)
        values = np.asarray(first.yarray, dtype=np.float64)
    except Exception as error:  # the package raises what its parsing happens to meet
        raise UnreadableFile(
            f"The .spc data can not be parsed ({type(error).__name__}: {error}).",
            fix="Copy the file again, or export it as JCAMP-DX.",
        ) from error
    x_type, y_type = str(whole.xtype), str(whole.ytype)
    unit = SPC_UNITS.get(y_type, unit_of(y_type))
    axis_label = "1/cm" if x_type in SPC_WAVENUMBER else SPC_AXES.get(x_type, x_type)
    notes: tuple[tuple[str, str], ...] = ()
    if len(whole) > 1:
        notes = (("spectra_left_out", f"The first of {len(whole)} spectra was read."),)
    return RawSpectrum(axis_of(axis, axis_label), values, unit, {}, notes)


def sniff_opus(head: bytes, name: str) -> bool:
    return head.startswith(OPUS_MARK)


def read_opus(path: Path) -> RawSpectrum:
    """The absorbance, transmittance or reflectance block, in this order."""
    with warnings.catch_warnings():
        # Python warns of escapes in its docstrings when it compiles them.
        warnings.simplefilter("ignore")
        from brukeropus import read_opus as read_file

    kinds = (("a", "absorbance"), ("t", "transmittance"), ("r", "reflectance"))
    try:
        file = read_file(str(path))
        present = list(file.data_keys)
        for key, unit in kinds:
            if key in present:
                block = getattr(file, key)
                return RawSpectrum(
                    np.asarray(block.x, dtype=np.float64),
                    np.asarray(block.y, dtype=np.float64),
                    unit,
                )
    except Exception as error:  # the package raises what its parsing happens to meet
        raise UnreadableFile(
            f"The OPUS data can not be parsed ({type(error).__name__}: {error}).",
            fix="Copy the file again, or export it as JCAMP-DX.",
        ) from error
    raise UnreadableFile(
        f"The OPUS file holds no spectrum of the sample; found: {', '.join(present) or 'nothing'}.",
        fix="Save it in OPUS with its absorbance block.",
    )


FORMATS = (
    Format("spa", 1, "Thermo OMNIC .spa", (".spa",), sniff_spa, read_spa),
    Format("opus", 2, "Bruker OPUS", (".0",), sniff_opus, read_opus),
    Format("spc", 1, "Galactic .spc", (".spc",), sniff_spc, read_spc),
)
