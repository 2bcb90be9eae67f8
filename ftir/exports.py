"""Results of predictions as files: one table, and per spectrum its numbers and a plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ftir import drawing, plots
from ftir.prediction import Estimate

TABLE = "compositions"


def row_of(name: str, found: Estimate) -> dict[str, Any]:
    """One line of the table: mass ratios, half widths and unclamped ratios in wt%, verdict, regions."""
    row: dict[str, Any] = {"file": name}
    columns = zip(
        found.components, found.mass_ratio, found.half_width, found.unclamped, strict=True
    )
    for component, ratio, half, raw in columns:
        row[f"{component} (wt%)"] = round(100 * float(ratio), 3)
        row[f"{component} +- (wt%)"] = round(100 * float(half), 3)
        row[f"{component} unclamped (wt%)"] = round(100 * float(raw), 3)
    row["in calibration"] = found.assessment.in_calibration
    row["verdict"] = found.verdict
    row["not explained (1/cm)"] = ", ".join(map(str, found.assessment.regions))
    row["reconstruction error (%)"] = round(100 * found.reconstruction_error, 2)
    row["axis shift (1/cm)"] = round(found.shift_per_cm, 2)
    row["refinement"] = found.finding
    row["concerns"] = " ".join(found.assessment.concerns)
    row["notices"] = " ".join(notice.text for notice in found.notices)
    return row


def write_table(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """``compositions.csv`` and ``compositions.xlsx``."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame.write_csv(folder / f"{TABLE}.csv")
    frame.write_excel(folder / f"{TABLE}.xlsx", worksheet=TABLE)


def write_spectrum(found: Estimate, stem: str, folder: Path) -> None:
    """``STEM.csv`` and ``STEM.xlsx``: measured, reconstructed and partial spectra; ``STEM.png`` and ``STEM.html``."""
    parts = {f"{n}": part for n, part in zip(found.components, found.partial, strict=True)}
    frame = pl.DataFrame(
        {
            "wavenumber (1/cm)": found.wavenumber_per_cm,
            "measured": found.absorbance,
            "reconstructed": found.reconstructed,
            "residual": found.absorbance - found.reconstructed,
            "typical residual": found.typical_residual,
            **parts,
        }
    )
    frame.write_csv(folder / f"{stem}.csv", float_precision=6)
    frame.write_excel(folder / f"{stem}.xlsx", worksheet="spectra")
    drawing.draw(found, stem, folder / f"{stem}.png")
    write_plot(plots.explained(found), stem, folder)


def write_plot(figure: dict[str, Any], title: str, folder: Path) -> None:
    """An interactive page; all of a folder share one ``plotly.min.js``."""
    import plotly.graph_objects as go

    drawn = go.Figure(figure)
    drawn.update_layout(title=title, template="plotly_white")
    drawn.write_html(folder / f"{title}.html", include_plotlyjs="directory")
