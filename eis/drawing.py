"""Pictures of a fit for folders of files: Nyquist on equal axes, modulus, phase, residuals."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from battery_db.lib.palette import COLOURS, QUIET
from battery_db.lib.spectra import Spectrum
from eis.plots import Fit, ohm_unit

SIZE_INCH = (10.0, 4.2)
DPI = 90


def draw(spectrum: Spectrum, fit: Fit | None, title: str, target: Path) -> None:
    """Write a PNG. Figures without pyplot leave no window and no state behind."""
    figure = Figure(SIZE_INCH, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    lower = right.twinx()
    unit, size = ohm_unit(spectrum)
    used = np.asarray(spectrum.usable)
    impedance = spectrum.impedance_ohm / size
    for chosen, colour, filled in ((used, COLOURS[0], True), (~used, QUIET, False)):
        style = {"color": colour, "marker": "o", "ls": "", "ms": 4}
        style["mfc"] = colour if filled else "none"
        left.plot(impedance.real[chosen], -impedance.imag[chosen], **style)
        right.plot(spectrum.frequency_hz[chosen], np.abs(impedance[chosen]), **style)
    lower.plot(
        spectrum.frequency_hz[used], -np.angle(impedance[used], deg=True), "s", ms=3,
        color=COLOURS[2],
    )  # fmt: skip
    if fit is not None:
        frequency, curve = fit.curve(spectrum)
        curve = curve / size
        left.plot(curve.real, -curve.imag, color=COLOURS[1])
        right.plot(frequency, np.abs(curve), color=COLOURS[1])
        lower.plot(frequency, -np.angle(curve, deg=True), color=COLOURS[1], ls=":")
    _label(left, right, lower, unit)
    figure.suptitle(title, fontsize=9)
    figure.savefig(target, dpi=DPI)


def _label(left: Axes, right: Axes, lower: Axes, unit: str) -> None:
    left.set(xlabel=f"Z' / {unit}", ylabel=f"-Z'' / {unit}", aspect="equal")
    left.set_adjustable("datalim")
    right.set(xscale="log", yscale="log", xlabel="Frequency / Hz", ylabel=f"|Z| / {unit}")
    lower.set(ylabel="-phase / ° (squares)")
