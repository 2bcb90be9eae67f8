"""Adam from the thesis equations and the closed form agree, and Adam's penalty is the thesis's."""

from dataclasses import replace

import numpy as np
import pytest

from ftir import demonstration, validation
from ftir.calibration import fit
from ftir.penalties import Penalties

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def samples():
    full = demonstration.samples(unknown=40)
    return replace(
        full,
        wavenumber_per_cm=full.wavenumber_per_cm[::3],
        absorbance=full.absorbance[:, ::3],
        unknown_absorbance=full.unknown_absorbance[:, ::3],
    ).checked()


def test_the_start_is_not_collapsed(samples):
    from ml.networks.vibration_modes import train

    model = train(samples, steps=1)

    rebuilt = model.reconstruct(samples.absorbance)
    assert np.abs(samples.absorbance - rebuilt).mean() < 0.6 * np.abs(samples.absorbance).mean()


def test_adam_and_the_closed_form_agree_on_the_same_penalties(samples):
    """Within 0.3 % of the largest mass ratio, where only the numerics differ."""
    from ml.networks.vibration_modes import minimise

    kept, out = next(validation.splits(samples.mass_ratio, 0.3, 1))
    every = np.array([], dtype=int)
    part = replace(
        samples.subset(kept, every),
        wavenumber_per_cm=samples.wavenumber_per_cm[::2],
        absorbance=samples.absorbance[kept, ::2],
        unknown_absorbance=np.zeros((0, 0)),
    )
    weights = Penalties(virtual_mixtures=0)

    closed = fit(part, weights).predict(samples.absorbance[out, ::2])
    adam = minimise(part, weights, steps=1500).predict(samples.absorbance[out, ::2])

    top = samples.mass_ratio.max(axis=0)
    assert 100 * (np.abs(closed - adam).mean(axis=0) / top).mean() < 0.3


@pytest.mark.slow  # a minute of training
def test_adam_on_the_penalties_of_the_thesis_is_no_better_than_the_closed_form(samples):
    from ml.networks.vibration_modes import train

    kept, out = next(validation.splits(samples.mass_ratio, 0.3, 1))
    part = samples.subset(kept, np.arange(len(samples.unknown_absorbance)))
    top = samples.mass_ratio.max(axis=0)
    truth = samples.mass_ratio[out]

    closed, adam = (
        100 * (np.abs(model.predict(samples.absorbance[out]) - truth).mean(axis=0) / top).mean()
        for model in (fit(part), train(part, steps=2500))
    )

    assert closed < 1.0
    assert closed < adam < closed + 1.0


@pytest.mark.slow  # twenty trainings
def test_none_of_20_seeds_collapses(samples):
    from ml.networks.vibration_modes import train

    coarse = replace(
        samples,
        wavenumber_per_cm=samples.wavenumber_per_cm[::4],
        absorbance=samples.absorbance[:, ::4],
        unknown_absorbance=samples.unknown_absorbance[:, ::4],
    )
    level = np.abs(coarse.absorbance).mean()

    left = [
        np.abs(
            coarse.absorbance - train(coarse, steps=200, seed=seed).reconstruct(coarse.absorbance)
        )
        for seed in range(20)
    ]

    # A collapsed model leaves all of the spectrum.
    assert max(gap.mean() / level for gap in left) < 0.3
