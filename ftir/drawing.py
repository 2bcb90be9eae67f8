"""Pictures of a composition for folders of files: spectra, residual with its band, bars."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from battery_db.lib.palette import COLOURS, QUIET
from ftir.prediction import Estimate

SIZE_INCH = (11.0, 5.4)
DPI = 90


def draw(found: Estimate, title: str, target: Path) -> None:
    """Write a PNG. Figures without pyplot leave no window and no state behind."""
    figure = Figure(SIZE_INCH, layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(2.4, 1), height_ratios=(2, 1))
    spectra = figure.add_subplot(grid[0, 0])
    residual = figure.add_subplot(grid[1, 0], sharex=spectra)
    _spectra(found, spectra)
    _residual(found, residual)
    _bars(found, figure.add_subplot(grid[:, 1]))
    figure.suptitle(f"{title}: {found.verdict}"[:150], fontsize=9)
    figure.savefig(target, dpi=DPI)


def _spectra(found: Estimate, axes: Axes) -> None:
    axis = found.wavenumber_per_cm
    axes.plot(axis, found.absorbance, color=COLOURS[0], lw=1.2, label="measured")
    axes.plot(axis, found.reconstructed, color=COLOURS[1], lw=1.0, ls="--", label="reconstructed")
    axes.set(ylabel="Absorbance", xlim=(axis[-1], axis[0]))
    axes.tick_params(labelbottom=False)
    axes.legend(frameon=False, fontsize=8)


def _residual(found: Estimate, axes: Axes) -> None:
    axis = found.wavenumber_per_cm
    axes.fill_between(axis, -found.typical_residual, found.typical_residual, color=QUIET, alpha=0.3)
    axes.plot(axis, found.absorbance - found.reconstructed, color=COLOURS[0], lw=0.9)
    for region in found.assessment.regions[:4]:
        axes.axvspan(region.start_per_cm, region.end_per_cm, color=COLOURS[1], alpha=0.25)
        axes.annotate(
            f"{region.peak_per_cm:.0f}", (region.peak_per_cm, 0.97), fontsize=7, ha="center",
            va="top", xycoords=("data", "axes fraction"),
        )  # fmt: skip
    axes.set(xlabel="Wavenumber / cm⁻¹", ylabel="Residual")


def _bars(found: Estimate, axes: Axes) -> None:
    place = np.arange(len(found.components))
    axes.barh(place, 100 * found.mass_ratio, color=COLOURS[0], alpha=0.8)
    axes.errorbar(
        100 * found.mass_ratio, place, xerr=100 * found.half_width, fmt="none", ecolor="black",
        capsize=3, lw=1,
    )  # fmt: skip
    axes.set(xlabel="Mass ratio / wt%", yticks=place, yticklabels=list(found.components))
    axes.set_xlim(left=min(0.0, float(axes.get_xlim()[0])))
    axes.invert_yaxis()
