"""How good the guesses of an impedance network are, before any refinement."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from battery_db.lib.spectra import FloatArray, Spectrum
from eis.batches import make_batch
from eis.coordinates import prior_of
from eis.fitting import objective_of, thinned, why_not
from eis.network_guess import SHIPPED, NetworkGuess
from eis.refinement import evaluate
from eis.universal import UNIVERSAL

CHUNK = 64


def guess_errors(spectra: Sequence[Spectrum], path: Path = SHIPPED) -> FloatArray:
    """Scaled error (n,) of the guess for each spectrum that can be fitted (thesis 3.5.10)."""
    usable = [spectrum for spectrum in spectra if not why_not(spectrum, UNIVERSAL)]
    guess, objective = NetworkGuess(path=path), objective_of(UNIVERSAL, 0.0)
    parts: list[FloatArray] = []
    for first in range(0, len(usable), CHUNK):
        batch = make_batch([thinned(spectrum) for spectrum in usable[first : first + CHUNK]])
        (start, *_) = guess.starts(UNIVERSAL, batch)
        found = evaluate(objective, start, batch, prior_of(UNIVERSAL, batch))
        parts.append(np.sqrt(found.misfit))
    return np.concatenate(parts) if parts else np.zeros(0)


def summary(errors: FloatArray) -> dict[str, float | int | None]:
    """Count, median and 90th percentile; None where there is nothing to tell."""
    finite = errors[np.isfinite(errors)]
    if not finite.size:
        return {"spectra": 0, "median": None, "p90": None}
    median, high = np.percentile(finite, (50, 90))
    return {"spectra": int(finite.size), "median": float(median), "p90": float(high)}
