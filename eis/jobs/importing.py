"""From settled files to spectra, one file per transaction."""

import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.files import File
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.imports import (
    LISTED,
    Fence,
    NotStored,
    Refusal,
    count_statuses,
    import_each,
    refusal_of,
)
from battery_db.lib.runs.registry import Done
from battery_db.lib.spectra import Spectrum
from battery_db.lib.storage import local_or_open, storage
from cells.jobs.contents import content_of
from cells.models import FileMetadata, RawFile
from cells.scanning import FileChanged
from eis import formats
from eis.models import CircuitFit, ImpedanceFile, ImpedanceSpectrum, SpectrumDecision
from eis.points import digest_of, read_points, spectrum_of, write_points

EXPERIMENTS = (FileMetadata.Experiment.IMPEDANCE, FileMetadata.Experiment.SYMMETRIC)
# Grows whenever a format is added or revised, so that unknown files are tried again.
REGISTRY_VERSION = sum(format_.version for format_ in formats.FORMATS)
SAME_CONTENT = "same content"  # in the place of a digest of points that are lost
KEPT = ("voltage_volt", "current_ampere", "temperature_celsius", "state_of_charge", "time_second")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file."""

    file_id: int
    name: str
    status: str  # an ImpedanceFile.Status, or "waiting"
    spectra: int = 0
    error: str = ""
    fix: str = ""


def importable() -> QuerySet[RawFile]:
    """Settled files about impedance. A spectrum whose cell is not known is a spectrum too."""
    return RawFile.objects.settled().filter(metadata__experiment__in=EXPERIMENTS)


def stale() -> QuerySet[RawFile]:
    """Importable files whose content the current readers have not seen."""
    known = Q(impedance_file__format_name="", impedance_file__reader_version=REGISTRY_VERSION)
    for format_ in formats.FORMATS:
        known |= Q(
            impedance_file__format_name=format_.name,
            impedance_file__reader_version=format_.version,
        )
    return importable().exclude(
        Q(impedance_file__sha256=F("sha256")) & Q(impedance_file__is_transient=False) & known
    )


def import_files(context: JobContext) -> Done:
    """Job: import ``params["file_ids"]``; one bad file never stops the others."""
    files = RawFile.objects.filter(pk__in=context.params["file_ids"]).select_related("folder")
    return Done(count(import_each(context, list(files), import_file)))


def count(outcomes: Iterable[Imported]) -> dict[str, Any]:
    """Totals for a report, and which files failed or were read in part, and why."""
    outcomes = list(outcomes)
    spectra = sum(outcome.spectra for outcome in outcomes)
    return {"spectra": spectra, **count_statuses(outcomes, ImpedanceFile.Status.values)}


def import_file(file: RawFile, fence: Fence = nullcontext) -> Imported:
    """Read one file, store its points, and switch its rows in one transaction.

    Repeating it changes nothing. A file that changed since the scan is left for the next
    one; a failure is recorded beside the spectra that were there before, which stay.
    """
    format_name, version = "", REGISTRY_VERSION
    try:
        with content_of(file) as path:
            format_name, version = _format_of(path)
            format_, reading = formats.read(path)
            series_name = _store(file, format_, reading.spectra)
    except FileChanged:
        return Imported(file.pk, file.name, "waiting")
    except Exception as error:  # noqa: BLE001 - of any kind; it is told on the file
        return _fail(file, refusal_of(error, file.name), (format_name, version), fence)
    partial = reading.is_partial or bool(reading.refused)
    status = ImpedanceFile.Status.PARTIAL if partial else ImpedanceFile.Status.IMPORTED
    row = ImpedanceFile(
        file=file,
        sha256=file.sha256,
        status=status,
        findings=[asdict(finding) for finding in reading.findings],
        refused=[list(pair) for pair in reading.refused][:LISTED],
        format_name=format_.name,
        reader_version=format_.version,
        series_name=series_name,
        instrument=reading.metadata,
        imported_at=timezone.now(),
    )
    with fence(), transaction.atomic():
        _replace(row, reading.spectra)
    lacking = "; ".join(f"{name}: {why}" for name, why in reading.refused) if partial else ""
    return Imported(file.pk, file.name, status, len(reading.spectra), error=lacking[:1000])


def _store(file: RawFile, format_: formats.Format, spectra: Iterable[Spectrum]) -> str:
    sha256 = file.sha256
    name = f"eis/{sha256[:2]}/{sha256}.{format_.name}.r{format_.version}.parquet"
    about = {"format": format_.name, "reader_version": str(format_.version), "sha256": sha256}
    with tempfile.TemporaryFile() as draft:
        write_points(list(spectra), draft, {**about, "sign": "as measured: capacitive negative"})
        draft.seek(0)
        try:
            storage("series").save(name, File(draft))
        except Exception as error:  # object stores have errors of their own
            raise NotStored(error) from error
    return name


def _replace(row: ImpedanceFile, spectra: Iterable[Spectrum]) -> None:
    """Put ``row`` and its spectra in the place of what the file had before.

    What people decided about a spectrum is kept where its number has the same points, as in
    a file that grew; else it is taken back, and told. Fits go stale by their fingerprint.
    """
    RawFile.objects.select_for_update().get(pk=row.file_id)
    old = ImpedanceFile.objects.filter(file=row.file).first()
    before = {} if old is None else _before(old, row.sha256)
    if old is not None:
        row.pk = old.pk
    row.save(force_update=old is not None)
    new = [_spectrum(row, number, s, before.get(number)) for number, s in enumerate(spectra, 1)]
    kept = [spectrum for spectrum in new if spectrum.pk is not None]
    fields = [f.name for f in ImpedanceSpectrum._meta.fields if f.name not in ("id", "source")]
    ImpedanceSpectrum.objects.bulk_update(kept, fields, batch_size=200)
    created = [spectrum for spectrum in new if spectrum.pk is None]
    ImpedanceSpectrum.objects.filter(source=row).exclude(
        pk__in=[spectrum.pk for spectrum in kept]
    ).delete()
    ImpedanceSpectrum.objects.bulk_create(created, batch_size=200)
    changed = [s.pk for s in kept if s.points_digest != before[s.number].points_digest]
    CircuitFit.objects.filter(spectrum__in=changed).delete()
    standing = SpectrumDecision.objects.filter(spectrum__in=changed, undone_at=None)
    standing.update(undone_at=timezone.now())


def _before(old: ImpedanceFile, sha256: str) -> dict[int, ImpedanceSpectrum]:
    """The file's spectra by number; digests that rows of earlier versions lack are made."""
    spectra = {spectrum.number: spectrum for spectrum in old.spectra.all()}
    bare = {number: s for number, s in spectra.items() if not s.points_digest}
    if not bare:
        return spectra
    try:
        with local_or_open("series", old.series_name) as source:
            frames = read_points(source, bare)
    except Exception:  # noqa: BLE001 - lost, or an object store's own error: judge by the content
        is_same = sha256 in old.series_name
        for spectrum in bare.values():
            spectrum.points_digest = SAME_CONTENT if is_same else ""
        return spectra
    for number, spectrum in bare.items():
        spectrum.points_digest = digest_of(spectrum_of(frames[number], ()))
    return spectra


def _spectrum(
    row: ImpedanceFile, number: int, spectrum: Spectrum, before: ImpedanceSpectrum | None
) -> ImpedanceSpectrum:
    about = dict(spectrum.metadata)
    made = ImpedanceSpectrum(
        source=row,
        number=number,
        name=_titled(spectrum.name, about.get("label"))[:300],
        point_count=len(spectrum),
        lowest_hertz=float(spectrum.frequency_hz.min()),
        highest_hertz=float(spectrum.frequency_hz.max()),
        cycle_count=about.get("cycle"),
        findings=about.get("findings", []),
        points_digest=digest_of(spectrum),
        **{name: about.get(name) for name in KEPT},
    )
    if before is not None:
        made.pk = before.pk
        _carry_over(before, made)
    return made


def _carry_over(before: ImpedanceSpectrum, made: ImpedanceSpectrum) -> None:
    """What was decided and tested of the same points; of others a finding tells what went."""
    if before.points_digest == SAME_CONTENT and before.point_count == made.point_count:
        before.points_digest = made.points_digest
    if before.points_digest == made.points_digest:
        made.masked_points, made.validity = before.masked_points, before.validity
        made.review, made.circuit = before.review, before.circuit
        return
    lost = [f"the mask of {len(before.masked_points)} points"] if before.masked_points else []
    if before.review != ImpedanceSpectrum.Review.OPEN:
        lost.append(f"the review ({before.review})")
    if before.circuit:
        lost.append(f"the choice of {before.circuit}")
    if lost:
        text = f"The file has other points here than before; taken back: {', '.join(lost)}."
        made.findings = [*made.findings, {"code": "decisions_reset", "text": text}]


def _titled(name: str, label: Any) -> str:
    return f"{name} ({label})" if label else name


def _fail(file: RawFile, refusal: Refusal, format_: tuple[str, int], fence: Fence) -> Imported:
    """Record why the content could not be imported; spectra of earlier content stay."""
    name, version = format_
    with fence(), transaction.atomic():
        RawFile.objects.select_for_update().get(pk=file.pk)
        ImpedanceFile.objects.update_or_create(
            file=file,
            defaults={
                "sha256": file.sha256,
                "status": ImpedanceFile.Status.FAILED,
                "is_transient": refusal.is_transient,
                "error": refusal.message,
                "fix": refusal.fix,
                "format_name": name,
                "reader_version": version,
                "imported_at": timezone.now(),
            },
        )
    failed = ImpedanceFile.Status.FAILED
    return Imported(file.pk, file.name, failed, error=refusal.message, fix=refusal.fix)


def _format_of(path: Path) -> tuple[str, int]:
    try:
        format_ = formats.recognise(path)
    except (LabError, OSError):
        return "", REGISTRY_VERSION
    return format_.name, format_.version
