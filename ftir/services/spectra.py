"""What a person asks of spectra: add some, look at one, take it away as a file."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from django.core.files import File
from django.db.models import Q
from django.utils import timezone

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.series import write_parquet
from battery_db.lib.spectra import InfraredSpectrum as Spectrum
from battery_db.lib.storage import local_or_open, storage
from cells.models import ElectrolyteLot
from ftir.models import InfraredSpectrum

LARGEST_UPLOAD = 16 * 1024 * 1024
LONGEST_NAME = 300


def series_key(sha256: str, format_name: str, version: int) -> str:
    """Where the points of a content lie; a new reader version lies beside the old."""
    return f"ftir/{sha256[:2]}/{sha256}.{format_name}.r{version}.parquet"


def add_spectrum(
    name: str, content: bytes, *, for_calibration: bool = False, by: Any = None
) -> InfraredSpectrum:
    """A spectrum from the bytes of a file, as a free sample.

    The same content under the same name again gives the row that is there. Raises
    LabError, naming the file, where it is no spectrum.
    """
    name = Path(name.replace("\\", "/")).name[-LONGEST_NAME:]
    if len(content) > LARGEST_UPLOAD:
        raise LabError(
            f"{name} has {len(content) / 2**20:.0f} MiB; a spectrum has a few.",
            fix="Choose the file of one spectrum.",
        )
    sha256 = hashlib.sha256(content).hexdigest()
    again = InfraredSpectrum.objects.readable().filter(
        file=None, name=name, sha256=sha256, for_calibration=for_calibration
    )
    if (known := again.first()) is not None:
        return known
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"spectrum{Path(name).suffix[:12]}"
        path.write_bytes(content)
        try:
            values = read_values(path, sha256)
        except LabError as error:
            raise type(error)(f"{name}: {error.message}", fix=error.fix) from error
    spectrum = InfraredSpectrum(
        name=name, for_calibration=for_calibration, added_by=_person(by), **values
    )
    spectrum.save()
    return spectrum


def read_values(path: Path, sha256: str) -> dict[str, Any]:
    """Read a file, store its points, and give the fields of its row; LabError when unreadable."""
    from ftir import formats

    reading = formats.read(path)
    name = series_key(sha256, reading.format.name, reading.format.version)
    store(name, reading.spectrum)
    axis = reading.spectrum.wavenumber_per_cm
    return {
        "sha256": sha256,
        "status": InfraredSpectrum.Status.IMPORTED,
        "error": "",
        "fix": "",
        "is_transient": False,
        "notices": [{"code": n.code, "text": n.text} for n in reading.notices],
        "format_name": reading.format.name,
        "reader_version": reading.format.version,
        "series_name": name,
        "point_count": len(axis),
        "first_per_cm": float(axis[0]),
        "last_per_cm": float(axis[-1]),
        "instrument": dict(reading.spectrum.metadata),
        "imported_at": timezone.now(),
    }


def store(name: str, spectrum: Spectrum) -> None:
    """Keep the points under ``name``; what lies there already has the same content."""
    if storage("series").exists(name):
        return
    frame = pl.DataFrame(
        {
            "wavenumber_per_cm": spectrum.wavenumber_per_cm,
            "absorbance": spectrum.absorbance,
        }
    )
    with tempfile.TemporaryFile() as draft:
        write_parquet(frame, draft, {"unit": "wavenumber in 1/cm, absorbance -log10 T"})
        draft.seek(0)
        storage("series").save(name, File(draft))


def points_of(spectrum: InfraredSpectrum) -> Spectrum:
    """The measured points; LabError when they are not there."""
    if not spectrum.series_name:
        raise LabError(f"{spectrum.name} could not be read. {spectrum.error}", fix=spectrum.fix)
    try:
        with local_or_open("series", spectrum.series_name) as source:
            frame = pl.read_parquet(source)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise LabError(
            f"The stored points of {spectrum.name} are not there or damaged.",
            fix="Upload the file again, or import it with import_files.",
        ) from error
    axis, absorbance = (
        frame[name].to_numpy().astype(float) for name in ("wavenumber_per_cm", "absorbance")
    )
    return Spectrum(axis, absorbance, spectrum.name, spectrum.instrument)


def set_corrections(
    spectrum: InfraredSpectrum, baseline: str, atr_to_transmission: bool, by: Any
) -> None:
    """Record how the spectrum is corrected.

    Compositions that were made otherwise stay, say so, and wait to be made anew.
    Raises LabError for an unknown baseline and for samples of a calibration.
    """
    if baseline not in InfraredSpectrum.Baseline.values:
        raise LabError(f"There is no baseline {baseline!r}.", fix="Choose one from the list.")
    if (baseline, atr_to_transmission) == (spectrum.baseline, spectrum.atr_to_transmission):
        return
    if spectrum.for_calibration:
        raise NotAllowed(
            f"{spectrum.name} is a sample of a calibration, which compares it as measured.",
            fix="Upload it under Spectra to judge it with corrections.",
        )
    spectrum.baseline, spectrum.atr_to_transmission = baseline, atr_to_transmission
    spectrum._history_user = _person(by)  # type: ignore[attr-defined]
    spectrum.save(update_fields=["baseline", "atr_to_transmission"])


def set_lot(spectrum: InfraredSpectrum, text: str, by: Any) -> None:
    """Link a spectrum to the lot of electrolyte with that name or label; empty for none.

    Raises LabError where no lot or more than one is called so.
    """
    text = " ".join(text.split())
    found = list(
        ElectrolyteLot.objects.filter(Q(name__iexact=text) | Q(label__iexact=text))[:2]
        if text
        else []
    )
    if text and len(found) != 1:
        raise LabError(
            f"{'More than one lot' if found else 'No lot'} of electrolyte is called {text}.",
            fix="Give the whole name that the list of lots shows.",
        )
    lot = found[0] if found else None
    if spectrum.electrolyte_lot != lot:
        spectrum.electrolyte_lot = lot
        spectrum._history_user = _person(by)  # type: ignore[attr-defined]
        spectrum.save(update_fields=["electrolyte_lot"])


def remove(spectrum: InfraredSpectrum) -> None:
    """Remove an uploaded spectrum; those of files follow their files."""
    if spectrum.file_id is not None:
        raise NotAllowed(
            f"{spectrum.name} belongs to a file.", fix="Deprecate the file on its page instead."
        )
    if spectrum.samples.exists():
        raise NotAllowed(
            f"{spectrum.name} is a sample of a calibration.", fix="Keep it for provenance."
        )
    spectrum.delete()


def as_csv(spectrum: InfraredSpectrum) -> str:
    points = points_of(spectrum)
    rows = zip(points.wavenumber_per_cm, points.absorbance, strict=True)
    body = "\n".join(f"{x:.6f},{y:.8g}" for x, y in rows)
    return f"wavenumber (cm-1),absorbance\n{body}\n"


def as_jcamp(spectrum: InfraredSpectrum) -> str:
    from ftir.formats import jcamp_dx

    return jcamp_dx.write(points_of(spectrum), spectrum.name)


def _person(by: Any) -> Any:
    return by if getattr(by, "is_authenticated", False) else None
