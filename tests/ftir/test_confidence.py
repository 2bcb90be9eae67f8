"""Judgement: unknown species are named by their bands, good spectra pass, intervals cover."""

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from ftir import confidence
from ftir.bands import BANDS, assignment, candidates
from ftir.prediction import estimate, suspects
from ftir.spectra import Corrections

GOOD = [0.10, 0.30, 0.35, 0.25, 0.0]


def with_species(axis, spectrum, name: str, share: float):
    strange = np.zeros_like(axis)
    for band in BANDS[name]:
        strange += band.strength / (
            1 + ((axis - band.wavenumber_per_cm) / band.half_width_per_cm) ** 2
        )
    return spectrum + 0.4 * share * strange


def test_a_good_spectrum_is_in_calibration(fitted, mixture):
    found = estimate(fitted, *mixture(GOOD))

    assert found.assessment.in_calibration, found.assessment.concerns
    assert found.mass_ratio == pytest.approx(GOOD, abs=0.03)
    assert found.partial.sum(axis=0) == pytest.approx(found.reconstructed)
    assert "In calibration" in found.verdict


def test_an_unknown_species_is_refused_and_its_band_named(fitted, mixture):
    axis, spectrum = mixture(GOOD)

    found = estimate(fitted, axis, with_species(axis, spectrum, "VC", 0.06))

    assert not found.assessment.in_calibration
    assert any(abs(r.peak_per_cm - 1831) < 25 for r in found.assessment.regions)
    assert any(name.startswith("VC") for name in suspects(found))
    assert "1/cm" in found.verdict


def test_few_good_spectra_are_refused(fitted, mixture):
    rng = np.random.default_rng(5)
    refused = 0
    for seed in range(60):
        salt = rng.uniform(0, 0.2)
        solvent = rng.dirichlet(np.ones(4)) * [0.5, 1, 1, 1]
        ratio = np.concatenate([[salt], solvent * (1 - salt) / solvent.sum()])
        refused += bool(estimate(fitted, *mixture(ratio, seed)).assessment.regions)

    # Nominal 5 %, of 60: more than 8 would have a chance below 0.5 %.
    assert refused <= 8


def test_a_pair_that_was_never_seen_is_told(fitted, mixture):
    found = estimate(fitted, *mixture([0.1, 0.2, 0.35, 0.0, 0.35]))

    assert any("EMC and DEC never" in text for text in found.assessment.concerns)


def test_more_than_all_is_a_concern_as_less_than_nothing_is(fitted, samples):
    model = fitted.model
    pure = model.reconstruct(samples.absorbance[[samples.mass_ratio[:, 3].argmax()]])[0]
    salty = model.reconstruct(samples.absorbance[[samples.mass_ratio[:, 0].argmax()]])[0]

    judged = confidence.assess(model, fitted.confidence, pure - 0.6 * salty)

    assert model.unclamped((pure - 0.6 * salty)[None])[0, 3] > 1.05
    assert any("DMC" in text and "beyond the calibrated" in text for text in judged.concerns)
    assert any("LiPF6 comes out negative" in text for text in judged.concerns)


def test_a_shifted_instrument_reads_as_an_unshifted_one(fitted, mixture):
    axis, spectrum = mixture(GOOD)

    plain = estimate(fitted, axis, spectrum)
    shifted = estimate(fitted, axis - 4, spectrum)
    left = estimate(fitted, axis - 4, spectrum, Corrections(align=False))

    assert shifted.mass_ratio == pytest.approx(plain.mass_ratio, abs=0.005)
    assert any(notice.code == "shifted" for notice in shifted.notices)
    assert np.abs(left.mass_ratio - plain.mass_ratio).max() > 0.01


def test_a_negative_component_is_told_and_not_clamped_in_silence(fitted, samples):
    model = fitted.model
    spectrum = 1.3 * samples.absorbance[0] - 0.3 * samples.absorbance[4]

    judged = confidence.assess(model, fitted.confidence, spectrum)

    assert model.unclamped(spectrum[None]).min() < -0.02
    assert any("negative" in text for text in judged.concerns)
    assert not judged.in_calibration


def test_a_range_that_is_too_short_is_refused(fitted, mixture):
    axis, spectrum = mixture(GOOD)

    with pytest.raises(LabError, match=r"covers 120.*needs 650-2080"):
        estimate(fitted, axis[axis > 1200], spectrum[axis > 1200])
    partly = axis > 700
    found = estimate(fitted, axis[partly], spectrum[partly])
    assert any(notice.code == "range" for notice in found.notices)


def test_peaks_are_assigned_to_components_and_strangers():
    assert assignment(843, ("LiPF6", "EC")) == "LiPF6 P-F stretch (t1u)"
    assert assignment(2500, ("LiPF6", "EC")) == ""
    assert candidates(1831, besides=("EC",))[0].startswith("VC")
