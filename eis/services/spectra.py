"""Spectra for a person: their points, and decisions that are kept, audited and undone."""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
from django.db import transaction
from django.utils import timezone

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.spectra import Spectrum
from battery_db.lib.storage import local_or_open
from eis.models import CircuitFit, ImpedanceSpectrum, SpectrumDecision
from eis.points import read_points, spectrum_of
from eis.services.circuits import chosen_circuit, family_of, title_of
from eis.services.staleness import facts_of, fingerprint_of

FEWEST_LEFT = 3
Kind = SpectrumDecision.Kind


def points_of(spectrum: ImpedanceSpectrum) -> pl.DataFrame:
    """The stored points of one spectrum, masked ones too."""
    with local_or_open("series", spectrum.source.series_name) as source:
        return read_points(source, [spectrum.number])[spectrum.number]


def measured(spectra: Sequence[ImpedanceSpectrum]) -> dict[int, Spectrum]:
    """The spectra of one file by id, without their masked points."""
    with local_or_open("series", spectra[0].source.series_name) as source:
        frames = read_points(source, [spectrum.number for spectrum in spectra])
    return {
        spectrum.pk: spectrum_of(frames[spectrum.number], spectrum.masked_points, spectrum.name)
        for spectrum in spectra
    }


def mask_points(
    spectrum: ImpedanceSpectrum,
    places: Iterable[int],
    *,
    reason: str = "",
    restore: bool = False,
    by: Any = None,
) -> int:
    """Leave points out of fits and checks, or take them back in; says how many changed."""
    wanted = {place for place in places if 0 <= place < spectrum.point_count}
    if not wanted:
        raise LabError(
            "No point of the spectrum is chosen.",
            fix="Draw a box around points of the Nyquist or Bode plot.",
        )
    before = set(spectrum.masked_points)
    after = before - wanted if restore else before | wanted
    if spectrum.point_count - len(after) < FEWEST_LEFT:
        raise NotAllowed(
            f"Only {spectrum.point_count - len(after)} points would be left.",
            fix="Reject the spectrum instead.",
        )
    _decide(spectrum, Kind.MASK, sorted(after), reason, by)
    return len(before ^ after)


def mask_and_fit(
    spectrum: ImpedanceSpectrum,
    places: Iterable[int],
    *,
    trigger: str,
    by: Any,
    reason: str = "",
    restore: bool = False,
) -> tuple[int, Job]:
    """``mask_points``, and the job that fits what is left: page and REST do the same."""
    with transaction.atomic():
        count = mask_points(spectrum, places, reason=reason, restore=restore, by=by)
        return count, request_fit([spectrum.pk], by=by, trigger=trigger)


def review(spectrum: ImpedanceSpectrum, verdict: str, *, reason: str = "", by: Any = None) -> None:
    """Accept, reject, or open again."""
    if verdict not in ImpedanceSpectrum.Review.values:
        raise LabError(
            f"There is no verdict {verdict[:40]!r}.",
            fix=f"Choose from {', '.join(ImpedanceSpectrum.Review.values)}.",
        )
    _decide(spectrum, Kind.REVIEW, verdict, reason, by)


def choose_circuit(spectrum: ImpedanceSpectrum, circuit: str, *, by: Any = None) -> None:
    """Fit this spectrum with a circuit of its own from now on; empty is the lab's."""
    text = chosen_circuit(circuit).text if circuit.strip() else ""
    _decide(spectrum, Kind.CIRCUIT, text, "", by)


def undo(spectrum: ImpedanceSpectrum, decision_id: int, *, by: Any = None) -> SpectrumDecision:
    """Take back the newest decision of its kind that still stands."""
    with transaction.atomic():
        decision = (
            SpectrumDecision.objects.select_for_update()
            .filter(pk=decision_id, spectrum=spectrum, undone_at=None)
            .first()
        )
        if decision is None:
            raise NotAllowed("This decision has been undone already.", fix="Reload the page.")
        newer = SpectrumDecision.objects.filter(
            spectrum=spectrum, kind=decision.kind, undone_at=None, pk__gt=decision.pk
        )
        if newer.exists():
            raise NotAllowed(
                "A later decision of this kind stands.", fix="Undo the newest one first."
            )
        _set(spectrum, decision.field(), decision.before)
        decision.undone_at, decision.undone_by = timezone.now(), by
        decision.save()
    return decision


def last_review(by: Any) -> SpectrumDecision | None:
    """The newest review of this person that still stands, to be undone."""
    found = SpectrumDecision.objects.filter(made_by=by, kind=Kind.REVIEW, undone_at=None)
    return found.select_related("spectrum").order_by("-pk").first()


def _decide(spectrum: ImpedanceSpectrum, kind: str, value: Any, reason: str, by: Any) -> None:
    field = SpectrumDecision.FIELDS[kind]
    with transaction.atomic():
        row = ImpedanceSpectrum.objects.select_for_update().get(pk=spectrum.pk)
        before = getattr(row, field)
        if before == value:
            return
        SpectrumDecision.objects.create(
            spectrum=spectrum,
            kind=kind,
            before=before,
            after=value,
            reason=reason.strip()[:300],
            made_by=by,
        )
        _set(spectrum, field, value)


def _set(spectrum: ImpedanceSpectrum, field: str, value: Any) -> None:
    setattr(spectrum, field, value)
    spectrum.save(update_fields=[field])


def request_fit(
    spectra: Iterable[int], *, by: Any, trigger: str, circuit: str = "", title: str = ""
) -> Job:
    """Fit spectra now, as a job, with the circuits chosen for them or with ``circuit``."""
    ids = sorted(set(spectra))
    if not ids:
        raise LabError("There is no spectrum to fit.", fix="Choose at least one.")
    if circuit:
        circuit = chosen_circuit(circuit).text
    return engine.enqueue(
        "eis.fit_spectra",
        {"spectrum_ids": ids, "circuit": circuit},
        trigger=trigger,
        by=by,
        title=title or f"Fit {len(ids)} spectr{'um' if len(ids) == 1 else 'a'}",
        key=_key(ids[0]) if len(ids) == 1 else "",
    )


def _key(spectrum_id: int) -> str:
    return f"eis.fit_spectra:{spectrum_id}"


def fit_under_way(spectrum: ImpedanceSpectrum) -> Job | None:
    """The job that fits this spectrum alone, where somebody has just asked for it."""
    return Job.objects.active().filter(key=_key(spectrum.pk)).first()


def request_comparison(
    spectra: Iterable[int], family: str, *, by: Any, trigger: str, use: bool = False
) -> Job:
    """Fit a family of circuits to each spectrum, as a job, and say which one to prefer.

    With ``use`` the preferred circuit becomes that of the spectrum.
    """
    ids = sorted(set(spectra))
    if not ids:
        raise LabError("There is no spectrum to fit.", fix="Choose at least one.")
    circuits = [circuit.text for circuit in family_of(family).values()]
    one = "one spectrum" if len(ids) == 1 else f"{len(ids)} spectra"
    return engine.enqueue(
        "eis.compare_circuits",
        {"spectrum_ids": ids, "circuits": circuits, "use": use},
        trigger=trigger,
        by=by,
        title=f"Compare {len(circuits)} circuits on {one}",
        key=f"eis.compare_circuits:{ids[0]}:{family}" if len(ids) == 1 else "",
    )


def is_of_today(fit: CircuitFit, spectrum: ImpedanceSpectrum) -> bool:
    """Whether a fit of this spectrum alone has today's points, mask and program."""
    return fit.fingerprint == fingerprint_of(facts_of(spectrum), fit.circuit)


def use_fit(spectrum: ImpedanceSpectrum, fit: CircuitFit, *, by: Any, trigger: str) -> Job | None:
    """Show this fit and keep its circuit; one of other points is made again, as a job."""
    with transaction.atomic():
        choose_circuit(spectrum, fit.circuit, by=by)
        if not is_of_today(fit, spectrum):
            title = f"Fit {title_of(fit.circuit)}"[:200]
            return request_fit([spectrum.pk], by=by, trigger=trigger, title=title)
        rows = CircuitFit.objects.filter(spectrum=spectrum)
        rows.filter(is_chosen=True).update(is_chosen=False)
        rows.filter(pk=fit.pk).update(is_chosen=True)
    return None
