"""Compositions: estimate one, and what has been measured over the life of a cell."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import ElectrolyteComponent, WetCell
from ftir import nominal
from ftir.models import Calibration, Composition, InfraredSpectrum
from ftir.services import spectra

if TYPE_CHECKING:
    from ftir.archive import Fitted
    from ftir.prediction import Estimate


def calibration_in_use() -> Calibration | None:
    return Calibration.objects.filter(in_use=True).prefetch_related("parts__molecule").first()


def waiting(calibration: Calibration | None = None) -> QuerySet[InfraredSpectrum]:
    """Spectra that the calibration in use has not judged with their corrections of today."""
    calibration = calibration or calibration_in_use()
    if calibration is None:
        return InfraredSpectrum.objects.none()
    judged = Composition.objects.filter(
        spectrum=OuterRef("pk"),
        calibration=calibration,
        baseline=OuterRef("baseline"),
        atr_to_transmission=OuterRef("atr_to_transmission"),
    )
    return InfraredSpectrum.objects.to_judge().filter(~Exists(judged))


def fitted_of(calibration: Calibration) -> "Fitted":
    """The fitted model of a calibration; LabError when there is none."""
    if not calibration.archive_name:
        raise LabError(f"{calibration} is not fitted.", fix="Fit it on its page.")
    return _load(calibration.archive_name)


@lru_cache(maxsize=4)
def _load(archive_name: str) -> "Fitted":
    from ftir import archive

    with storage("series").open(archive_name, "rb") as file:
        return archive.load(file.read())


def explain(
    spectrum: InfraredSpectrum, calibration: Calibration, made: Composition | None = None
) -> "Estimate":
    """All that the calibration makes of the spectrum (about 0.1 s); LabError where nothing.

    With the corrections that ``made`` was made with, or else those of the spectrum.
    """
    from ftir.prediction import estimate
    from ftir.spectra import Corrections

    points = spectra.points_of(spectrum)
    chosen = made or spectrum
    corrections = Corrections(chosen.baseline, chosen.atr_to_transmission)
    return estimate(
        fitted_of(calibration), points.wavenumber_per_cm, points.absorbance, corrections
    )


def estimate(spectrum: InfraredSpectrum, calibration: Calibration) -> Composition:
    """Judge a spectrum and keep the result; what could not be judged is kept with its reason."""
    from ftir.prediction import suspects

    try:
        found = explain(spectrum, calibration)
    except LabError as error:
        values: dict[str, Any] = {
            "amounts": [],
            "in_calibration": False,
            "verdict": "",
            "refinement": "",
            "error": error.message,
            "fix": error.fix,
        }
    else:
        values = _values(found) | {"suspects": list(suspects(found)), "error": "", "fix": ""}
    composition, _ = Composition.objects.update_or_create(
        spectrum=spectrum,
        calibration=calibration,
        defaults={
            **values,
            "baseline": spectrum.baseline,
            "atr_to_transmission": spectrum.atr_to_transmission,
            "estimated_at": timezone.now(),
        },
    )
    return composition


def _values(found: "Estimate") -> dict[str, Any]:
    rows = zip(found.components, found.mass_ratio, found.half_width, found.unclamped, strict=True)
    judged = found.assessment
    return {
        "amounts": [
            {
                "component": name,
                "mass_ratio": float(value),
                "half_width": float(half),
                "unclamped": float(raw),
            }
            for name, value, half, raw in rows
        ],
        "in_calibration": judged.in_calibration,
        "verdict": found.verdict,
        "concerns": list(judged.concerns),
        "regions": [
            [r.start_per_cm, r.end_per_cm, r.peak_per_cm, r.times_typical] for r in judged.regions
        ],
        "notices": [{"code": n.code, "text": n.text} for n in found.notices],
        "refinement": found.finding,
        "shift_per_cm": found.shift_per_cm,
        "reconstruction_error": found.reconstruction_error,
    }


def request_estimates(*, by: Any, trigger: str) -> Job | None:
    """Judge what the calibration in use has not judged, as a job; None when nothing waits."""
    if not waiting().exists():
        return None
    return engine.enqueue(
        "ftir.estimate_compositions",
        {},
        trigger=trigger,
        by=by,
        title="Estimate compositions",
        key="ftir.estimate_compositions",
    )


@dataclass(frozen=True, slots=True)
class CellCompositions:
    """Measured compositions of a cell in order of cycles, and what its recipe asks for."""

    rows: list[Composition]
    nominal: dict[str, float] | None
    unjudged: list[InfraredSpectrum]


def of_cell(cell_id: int) -> CellCompositions:
    """By the calibration in use (a fixed number of queries)."""
    calibration = calibration_in_use()
    rows = list(
        Composition.objects.filter(
            spectrum__in=InfraredSpectrum.objects.of_cell(cell_id), calibration=calibration
        )
        .select_related("spectrum__file__metadata", "calibration")
        .order_by("spectrum__file__metadata__start_cycle", "spectrum__file__metadata__date", "pk")
        if calibration
        else []
    )
    judged = {row.spectrum_id for row in rows}
    others = [s for s in InfraredSpectrum.objects.of_cell(cell_id) if s.pk not in judged]
    return CellCompositions(rows, nominal_of_cell(cell_id), others)


def nominal_of(spectrum: InfraredSpectrum) -> dict[str, float] | None:
    """Mass ratios of the recipe of the lot a spectrum is from, or else of its cell's."""
    if spectrum.electrolyte_lot is not None:
        return _nominal([spectrum.electrolyte_lot.blueprint_id])
    metadata = getattr(spectrum.file, "metadata", None)
    return nominal_of_cell(metadata.cell_id if metadata else None)


def nominal_of_cell(cell_id: int | None) -> dict[str, float] | None:
    """Mass ratios of the cell's recipe; None where it or an amount is unknown."""
    if cell_id is None:
        return None
    return _nominal(WetCell.objects.filter(cell_id=cell_id).values("electrolyte"))


def _nominal(electrolytes: Any) -> dict[str, float] | None:
    parts = ElectrolyteComponent.objects.filter(electrolyte__in=electrolytes)
    return nominal.mass_ratios(parts.values_list("molecule__name", "role", "amount", "unit"))
