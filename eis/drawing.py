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
# Fixed room for labels: to measure them (a "constrained" layout) takes three times as long.
ROOM = {"left": 0.085, "right": 0.925, "bottom": 0.13, "top": 0.91, "wspace": 0.27}


def draw(spectrum: Spectrum, fit: Fit | None, title: str, target: Path) -> None:
    """Write a PNG. Figures without pyplot leave no window and no state behind."""
    figure = Figure(SIZE_INCH)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1), gridspec_kw=ROOM)
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
    low, high = right.get_ylim()
    # Within one decade a logarithmic axis has no label.
    scale = "log" if 0 < 10 * low < high else "linear"
    right.set(xscale="log", yscale=scale, xlabel="Frequency / Hz", ylabel=f"|Z| / {unit}")
    right.xaxis.minorticks_off()
    right.yaxis.minorticks_off()
    lower.set(ylabel="-phase / ° (squares)")
