"""What a person asks of calibrations: enter samples, fit, put in use, plan the next mixtures."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import Molecule
from cells.services.materials import define_molecule
from ftir import ratio_tables, uploads
from ftir.models import Calibration, CalibrationComponent, CalibrationSample, InfraredSpectrum
from ftir.services import spectra

if TYPE_CHECKING:
    from ftir.calibration import Samples

DEMONSTRATION_MOLECULES = {
    "LiPF6": ("[Li+].F[P-](F)(F)(F)(F)F", "salt"),
    "EC": ("C1COC(=O)O1", "solvent"),
    "EMC": ("CCOC(=O)OC", "solvent"),
    "DMC": ("COC(=O)OC", "solvent"),
    "DEC": ("CCOC(=O)OCC", "solvent"),
}
ALGORITHM = 2  # grows with what ftir.calibration.fit makes of the same samples
MOST_SAMPLES = 2000
MOST_COMPONENTS = 12
CUT_PER_CM = 5.0  # a range cut by less is no news


def create(
    name: str,
    table: str,
    files: Iterable[tuple[str, bytes]],
    *,
    kind: str = Calibration.Kind.LINEAR,
    notes: str = "",
    by: Any = None,
) -> Calibration:
    """A draft from a table of ratios and the files it names; other files are unknown mixtures.

    All or nothing. Raises LabError for a file that the table names and that is not
    there, for files of one name, for a component that is no molecule of the lab, and
    for unreadable spectra.
    """
    components, known = ratio_tables.parse_ratios(table)
    given = uploads.by_name(files, MOST_SAMPLES)
    ratios = ratio_tables.pair(known, given)
    with transaction.atomic():
        calibration = start(name, components, kind=kind, notes=notes, by=by)
        for filename, data in given.items():
            spectrum = spectra.add_spectrum(filename, data, for_calibration=True, by=by)
            add_sample(calibration, spectrum, ratios.get(filename))
    return calibration


def start(
    name: str,
    components: Sequence[str],
    *,
    kind: str = Calibration.Kind.LINEAR,
    notes: str = "",
    by: Any = None,
) -> Calibration:
    """An empty draft: the next version of that name."""
    name = " ".join(name.split())
    if not name or len(name) > 100:
        raise LabError("A calibration needs a name of up to 100 characters.", fix="Name it.")
    if not 2 <= len(components) <= MOST_COMPONENTS or len(set(components)) < len(components):
        raise LabError(
            f"The components are {', '.join(components)}.",
            fix=f"Name 2 to {MOST_COMPONENTS} different molecules.",
        )
    if kind not in Calibration.Kind.values:
        raise LabError(f"There is no model {kind!r}.", fix="Choose linear or constant.")
    molecules = {m.name.lower(): m for m in Molecule.objects.all()}
    strange = [component for component in components if component.lower() not in molecules]
    if strange:
        raise LabError(
            f"No molecule of the lab is called {', '.join(strange)}.",
            fix="Define it under Materials, or correct the header of the table.",
        )
    last = Calibration.objects.filter(name=name).aggregate(last=Max("version"))["last"] or 0
    with transaction.atomic():
        calibration = Calibration(
            name=name, version=last + 1, kind=kind, notes=notes, created_by=spectra._person(by)
        )
        try:
            calibration.save()
        except IntegrityError as error:
            raise NotAllowed(f"{name} got a new version a moment ago.", fix="Try again.") from error
        CalibrationComponent.objects.bulk_create(
            CalibrationComponent(
                calibration=calibration, molecule=molecules[component.lower()], position=position
            )
            for position, component in enumerate(components)
        )
    return calibration


def add_sample(
    calibration: Calibration, spectrum: InfraredSpectrum, mass_ratio: list[float] | None
) -> CalibrationSample:
    must_be_draft(calibration)
    sample, _ = CalibrationSample.objects.update_or_create(
        calibration=calibration, spectrum=spectrum, defaults={"mass_ratio": mass_ratio}
    )
    return sample


def set_ratios(calibration: Calibration, given: Mapping[int, Sequence[str]], by: Any = None) -> int:
    """Known ratios as typed into the grid, by sample; all or nothing. How many are known."""
    must_be_draft(calibration)
    names = calibration.component_names
    rows = calibration.samples.filter(pk__in=given).values_list("pk", "spectrum__name")
    typed = {pk: ratio_tables.ratios_of(given[pk], names, name) for pk, name in rows}
    keep_ratios(calibration, typed, by)
    return calibration.samples.filter(mass_ratio__isnull=False).count()


def keep_ratios(
    calibration: Calibration, ratios: Mapping[int, list[float] | None], by: Any
) -> None:
    """Write the ratios of samples, by sample."""
    changed = []
    for sample in calibration.samples.filter(pk__in=ratios):
        if sample.mass_ratio != ratios[sample.pk]:
            sample.mass_ratio = ratios[sample.pk]
            changed.append(sample)
    CalibrationSample.objects.bulk_update(changed, ["mass_ratio"])


def new_version(calibration: Calibration, by: Any) -> Calibration:
    """A draft with the same samples and components, to be changed and fitted."""
    with transaction.atomic():
        draft = start(
            calibration.name,
            calibration.component_names,
            kind=calibration.kind,
            notes=calibration.notes,
            by=by,
        )
        draft.penalties, draft.is_demonstration = (
            calibration.penalties,
            calibration.is_demonstration,
        )
        draft.first_per_cm, draft.last_per_cm = calibration.first_per_cm, calibration.last_per_cm
        draft.save()
        CalibrationSample.objects.bulk_create(
            CalibrationSample(calibration=draft, spectrum_id=s.spectrum_id, mass_ratio=s.mass_ratio)
            for s in calibration.samples.all()
        )
    return draft


def must_be_draft(calibration: Calibration) -> None:
    if calibration.state == Calibration.State.READY:
        raise NotAllowed(
            f"{calibration} is fitted and does not change.", fix="Make a new version of it."
        )


@dataclass(frozen=True, slots=True)
class SharedRange:
    """What all spectra of a calibration cover of the range that is asked for, in 1/cm.

    ``first_by`` and ``last_by`` name the spectrum that cuts an end, if one does by more
    than ``CUT_PER_CM``.
    """

    first: float
    last: float
    first_by: str = ""
    last_by: str = ""

    @property
    def why(self) -> str:
        cuts = [
            f"{name} {verb} at {value:.0f} 1/cm."
            for name, verb, value in (
                (self.first_by, "begins", self.first),
                (self.last_by, "ends", self.last),
            )
            if name
        ]
        return " ".join(cuts)


def shared_range(calibration: Calibration) -> SharedRange:
    first, last = calibration.first_per_cm, calibration.last_per_cm
    ends: Any = calibration.samples.exclude(spectrum__first_per_cm=None).values_list(
        "spectrum__first_per_cm", "spectrum__last_per_cm", "spectrum__name"
    )
    latest = ends.order_by("-spectrum__first_per_cm", "pk").first()
    earliest = ends.order_by("spectrum__last_per_cm", "pk").first()
    if latest is None or earliest is None:
        return SharedRange(first, last)
    return SharedRange(
        max(first, latest[0]),
        min(last, earliest[1]),
        latest[2] if latest[0] > first + CUT_PER_CM else "",
        earliest[2] if earliest[1] < last - CUT_PER_CM else "",
    )


def load_samples(calibration: Calibration) -> "Samples":
    """Its spectra on one grid: the finest step, over the range that all of them cover."""
    import numpy as np

    from ftir.calibration import Samples
    from ftir.spectra import resample

    rows = list(calibration.samples.select_related("spectrum"))
    if not rows:
        raise LabError(f"{calibration} has no samples.", fix="Add spectra with known ratios.")
    points = [spectra.points_of(row.spectrum) for row in rows]
    shared = shared_range(calibration)
    step = max(0.5, min(float(np.median(np.diff(p.wavenumber_per_cm))) for p in points))
    if shared.last - shared.first < 100:
        raise LabError(
            f"The spectra have only {shared.first:.0f} to {shared.last:.0f} 1/cm in common.",
            fix=f"Leave out the spectra of another range. {shared.why}".strip(),
        )
    grid = np.arange(shared.first, shared.last + step / 2, step)
    absorbance = np.stack([resample(p.wavenumber_per_cm, p.absorbance, grid) for p in points])
    is_known = np.array([row.mass_ratio is not None for row in rows])
    ratio = np.array([row.mass_ratio for row in rows if row.mass_ratio is not None], dtype=float)
    names = calibration.component_names
    ratio = ratio.reshape(-1, len(names))
    return Samples(names, grid, absorbance[is_known], ratio, absorbance[~is_known]).checked()


def digest_of(calibration: Calibration) -> str:
    """What the fit depends on: contents, ratios, components, model, range, and how it is made."""
    rows = calibration.samples.order_by("spectrum__sha256").values_list(
        "spectrum__sha256", "mass_ratio"
    )
    span = [calibration.first_per_cm, calibration.last_per_cm]
    how = [calibration.kind, calibration.penalties, span, ALGORITHM]
    content = [calibration.component_names, how, list(rows)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def request_fit(calibration: Calibration, *, use: bool, by: Any, trigger: str) -> Job:
    """Fit a draft as a job; with ``use`` it judges new spectra from then on."""
    must_be_draft(calibration)
    return engine.enqueue(
        "ftir.fit_calibration",
        {"calibration_id": calibration.pk, "use": use},
        trigger=trigger,
        by=by,
        title=f"Fit {calibration}",
        key=f"ftir.fit_calibration:{calibration.pk}",
    )


def put_in_use(calibration: Calibration) -> None:
    """Let it judge new spectra; what older ones said stays."""
    if calibration.state != Calibration.State.READY:
        raise NotAllowed(f"{calibration} is not fitted.", fix="Fit it first.")
    with transaction.atomic():
        for other in Calibration.objects.filter(in_use=True).exclude(pk=calibration.pk):
            other.in_use = False
            other.save(update_fields=["in_use"])
        calibration.in_use = True
        calibration.save(update_fields=["in_use"])


def report_arrays(calibration: Calibration) -> dict[str, Any]:
    """What the figures of the report draw; LabError when it is not fitted."""
    from ftir.report import load_arrays

    if not calibration.report_name:
        raise LabError(f"{calibration} is not fitted.", fix="Fit it first.")
    with storage("series").open(calibration.report_name, "rb") as file:
        return load_arrays(file.read())


def template() -> str:
    """The 48 mixtures of the thesis's tables as a table to fill in."""
    from ftir.demonstration import COMPONENTS, known_mass_ratios

    rows = enumerate(known_mass_ratios().tolist(), 1)
    return ratio_tables.as_table(COMPONENTS, ((f"mixture-{n:02d}.asp", row) for n, row in rows))


def request_demonstration(*, by: Any, trigger: str) -> Job:
    """Make and fit the demonstration calibration as jobs; the first of a lab is put in use."""
    return engine.enqueue(
        "ftir.make_demonstration", {}, trigger=trigger, by=by, key="ftir.make_demonstration"
    )


def create_demonstration(by: Any = None) -> Calibration:
    """The demonstration calibration as a draft, or the one that is there."""
    from ftir import demonstration

    existing = Calibration.objects.filter(is_demonstration=True).first()
    if existing is not None:
        return existing
    made = demonstration.samples()
    with transaction.atomic():
        for name, (smiles, role) in DEMONSTRATION_MOLECULES.items():
            if not Molecule.objects.filter(name__iexact=name).exists():
                define_molecule(name, smiles, role, by=by)
        calibration = start(
            demonstration.NAME,
            demonstration.COMPONENTS,
            notes="Made from band positions in the literature; nothing here was measured.",
            by=by,
        )
        calibration.is_demonstration = True
        calibration.save()
        ratios = [row.tolist() for row in made.mass_ratio]
        values = [*made.absorbance, *made.unknown_absorbance]
        for number, absorbance in enumerate(values, 1):
            body = "\n".join(
                f"{x:.2f},{y:.6f}" for x, y in zip(made.wavenumber_per_cm, absorbance, strict=True)
            )
            spectrum = spectra.add_spectrum(
                f"made-up mixture {number:03d}.csv",
                f"cm-1,Absorbance\n{body}\n".encode(),
                for_calibration=True,
                by=by,
            )
            known = ratios[number - 1] if number <= len(ratios) else None
            add_sample(calibration, spectrum, known)
    return calibration
