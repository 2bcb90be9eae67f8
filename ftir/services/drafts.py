"""What a person changes of a draft: its samples, and whether it is kept."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction

from battery_db.lib.errors import LabError, NotAllowed
from ftir import ratio_tables, uploads
from ftir.models import Calibration, CalibrationSample, InfraredSpectrum
from ftir.services import calibrations, spectra

Ratios = Mapping[str, list[float] | None]


def add_spectra(
    calibration: Calibration, table: str, files: Iterable[tuple[str, bytes]], *, by: Any = None
) -> int:
    """Add files to a draft; all or nothing. How many samples came to it.

    The ``table`` (empty for none) may also name samples that are there; other ratios
    stay. Its columns are components of the calibration, in any order. Raises LabError
    as ``calibrations.create`` does, and for a name that a sample of other content has.
    """
    calibrations.must_be_draft(calibration)
    rows = calibration.samples.select_related("spectrum")
    present = {row.spectrum.name: row for row in rows}
    given = uploads.by_name(files, calibrations.MOST_SAMPLES)
    if len(given.keys() | present) > calibrations.MOST_SAMPLES:
        raise LabError(
            f"{len(given)} files were given beside {len(present)} samples.",
            fix=f"Keep to {calibrations.MOST_SAMPLES} in all.",
        )
    ratios = _ratios(calibration, table, given.keys() | present)
    with transaction.atomic():
        for name, content in given.items():
            _add(calibration, (name, content), ratios, present.get(name), by)
        typed = {present[name].pk: value for name, value in ratios.items() if name not in given}
        calibrations.keep_ratios(calibration, typed, by)
    return len(given.keys() - present)


def _ratios(calibration: Calibration, table: str, filenames: Collection[str]) -> Ratios:
    if not table.strip():
        return {}
    components, known = ratio_tables.parse_ratios(table)
    ordered = ratio_tables.in_order(known, components, calibration.component_names)
    return ratio_tables.pair(ordered, filenames)


def _add(
    calibration: Calibration,
    file: tuple[str, bytes],
    ratios: Ratios,
    before: CalibrationSample | None,
    by: Any,
) -> None:
    name, content = file
    spectrum = spectra.add_spectrum(name, content, for_calibration=True, by=by)
    if before is not None and before.spectrum_id != spectrum.pk:
        raise NotAllowed(
            f"{name} is a sample already, with other content.",
            fix="Remove that sample first, or give the file another name.",
        )
    known = before.mass_ratio if before is not None else None
    calibrations.add_sample(calibration, spectrum, ratios.get(name, known))


def save_grid(
    calibration: Calibration,
    given: Mapping[int, Sequence[str]],
    removed: Collection[int],
    *,
    by: Any = None,
) -> int:
    """Known ratios as typed, less the samples ``removed``; all or nothing. How many are known."""
    with transaction.atomic():
        remove_samples(calibration, removed)
        return calibrations.set_ratios(calibration, given, by)


def remove_samples(calibration: Calibration, sample_ids: Collection[int]) -> None:
    """Take samples out of a draft; spectra that no other calibration holds go with them."""
    calibrations.must_be_draft(calibration)
    rows = calibration.samples.filter(pk__in=sample_ids)
    spectrum_ids = list(rows.values_list("spectrum_id", flat=True))
    with transaction.atomic():
        rows.delete()
        InfraredSpectrum.objects.filter(
            pk__in=spectrum_ids, for_calibration=True, file=None, samples=None
        ).delete()


def delete(calibration: Calibration) -> None:
    """Delete a draft with the spectra that only it held."""
    calibrations.must_be_draft(calibration)
    with transaction.atomic():
        remove_samples(calibration, calibration.samples.values_list("pk", flat=True))
        calibration.delete()
