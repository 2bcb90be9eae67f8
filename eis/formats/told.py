"""What a person says of a table that has no header: its unit of frequency and its sign."""

from dataclasses import dataclass, replace

import numpy as np

from battery_db.lib.spectra import Spectrum
from eis.formats.base import Finding, Reading

NO_HEADER = "no_header"
REVERSED = "sign_reversed"
UNTOLD = Finding(
    NO_HEADER,
    "No header: the first column was taken as frequency in Hz, the second as Z', the third as "
    "Z'' or -Z''. If that is wrong, put a line of headers with units above the table.",
)
HERTZ, RADIANS = "Hz", "rad/s"
PLUS, MINUS = "Z''", "-Z''"


@dataclass(frozen=True, slots=True)
class Told:
    """``frequency`` is Hz or rad/s, ``imaginary`` Z'' or -Z''; empty is for the reader to find."""

    frequency: str = ""
    imaginary: str = ""


NOTHING_TOLD = Told()


def as_told(reading: Reading, told: Told) -> Reading:
    """The reading of a table without header as ``told``; one with a header stays as it is."""
    codes = {finding.code for finding in reading.findings}
    if NO_HEADER not in codes or told == NOTHING_TOLD:
        return reading
    is_minus = told.imaginary == MINUS if told.imaginary else REVERSED in codes
    turns = is_minus != (REVERSED in codes)
    factor = 1 / (2 * np.pi) if told.frequency == RADIANS else 1.0
    spectra = tuple(_changed(spectrum, factor, turns=turns) for spectrum in reading.spectra)
    found = Finding(
        NO_HEADER,
        f"No header: the first column was taken as frequency in {told.frequency or HERTZ}, the "
        f"second as Z', the third as {MINUS if is_minus else PLUS}, as was said.",
    )
    dropped = {NO_HEADER, REVERSED} if told.imaginary else {NO_HEADER}
    others = tuple(finding for finding in reading.findings if finding.code not in dropped)
    return replace(reading, spectra=spectra, findings=(found, *others))


def _changed(spectrum: Spectrum, factor: float, *, turns: bool) -> Spectrum:
    impedance = spectrum.impedance_ohm.conj() if turns else spectrum.impedance_ohm
    return replace(spectrum, frequency_hz=spectrum.frequency_hz * factor, impedance_ohm=impedance)
