"""Training of the impedance network on the lab's own spectra, as a person asks for it."""

from typing import Any

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from eis.models import ImpedanceSpectrum, ImpedanceSpectrumQuerySet
from eis.network_guess import header

KIND = "ml.train_impedance"
FEWEST_SPECTRA = 20
MOST_STEPS = 100_000


def own_spectra() -> ImpedanceSpectrumQuerySet:
    """What a network is trained on: spectra in use that nobody rejected."""
    rejected = ImpedanceSpectrum.Review.REJECTED
    return ImpedanceSpectrum.objects.in_use().exclude(review=rejected)


def request_training(
    *,
    steps: int | None = None,
    own_share: float = 0.5,
    seed: int = 1,
    by: Any,
    trigger: str,
) -> Job:
    """Train a new version, as a job; ``own_share`` of each batch are the lab's spectra.

    Without ``steps`` as many as the shipped network had.
    """
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise LabError(f"{steps} steps were asked for.", fix=f"Give 1 to {MOST_STEPS:,}.")
    if not 0 <= own_share <= 1:
        raise LabError(f"A share of {own_share} was asked for.", fix="Give 0 to 1.")
    found = own_spectra().count()
    if found < FEWEST_SPECTRA:
        raise LabError(
            f"The lab has {found} spectra in use; at least {FEWEST_SPECTRA} are needed.",
            fix="Import more, or train on generated ones with `manage.py train_inverse_model`.",
        )
    params = {"steps": steps, "own_share": own_share, "seed": seed}
    title = "Train the impedance network on the lab's spectra"
    return engine.enqueue(KIND, params, trigger=trigger, by=by, title=title, key=KIND)


def shipped_story() -> dict[str, str]:
    """What the shipped file says of itself; empty where it can not be read."""
    try:
        return header()
    except LabError:
        return {}


def training_now() -> Job | None:
    return Job.objects.active().filter(kind=KIND).first()
