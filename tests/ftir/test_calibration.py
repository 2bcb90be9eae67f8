"""Fitting: recovery of known mixtures, invariances, determinism, and the reference set's targets."""

from dataclasses import replace

import numpy as np
import pytest

from battery_db.lib.errors import LabError, UnreadableFile
from ftir import alignment, archive, demonstration, design, fine_tuning, validation
from ftir.baselines import fit_classical, fit_pls, fit_ridge
from ftir.calibration import Samples, fit, virtual_mixtures
from ftir.mixtures import mix, pairs
from ftir.penalties import Penalties
from ftir.smoothing import SmoothSystem, second_difference_bands

PLAIN = Penalties(virtual_mixtures=0)


def exact(components: int = 3, rows: int = 30, seed: int = 0) -> tuple[Samples, np.ndarray]:
    """Mixtures that follow Linear-VM without noise, of known pair spectra."""
    rng = np.random.default_rng(seed)
    axis = np.arange(700.0, 1300.0, 2.0)
    spectra = np.zeros((len(pairs(components)), len(axis)))
    for row in spectra:
        for centre in rng.uniform(750, 1250, 3):
            row += rng.uniform(0.3, 1) / (1 + ((axis - centre) / 15) ** 2)
    ratio = rng.dirichlet(np.ones(components), rows)
    ratio[:components] = np.eye(components)
    path = rng.uniform(0.7, 1.4, (rows, 1))
    names = tuple("ABCDEF"[:components])
    return Samples(names, axis, mix(spectra, path * ratio), ratio), spectra


def test_an_exact_model_is_recovered_up_to_scale():
    given, spectra = exact()
    weak = Penalties(1e-9, 1e-9, encoder=1e-7, smooth_encoder=0, virtual_mixtures=0, rounds=30)

    model = fit(given, weak)

    # 2 %: of the alternation that is left after 30 rounds.
    scale = np.sqrt(np.square(spectra).mean())
    assert np.abs(model.pair_spectra - spectra / scale).mean() < 0.02
    assert np.square(model.pair_spectra).mean() == pytest.approx(1)


def test_prediction_does_not_depend_on_the_path(samples):
    model = fit(samples, PLAIN)

    assert model.predict(samples.absorbance * 7) == pytest.approx(
        model.predict(samples.absorbance), abs=1e-9
    )
    assert model.leverage(samples.absorbance * 7) == pytest.approx(
        model.leverage(samples.absorbance), rel=1e-6
    )


def test_predictions_are_mass_ratios(samples):
    predicted = fit(samples).predict(samples.unknown_absorbance)

    assert predicted.sum(axis=1) == pytest.approx(1)
    assert predicted.min() >= 0


def test_the_same_samples_give_the_same_model(samples):
    assert np.array_equal(fit(samples).encoder, fit(samples).encoder)


def test_the_order_of_samples_does_not_matter(samples):
    order = np.random.default_rng(0).permutation(len(samples.absorbance))
    shuffled = samples.subset(order, np.arange(len(samples.unknown_absorbance)))

    difference = fit(samples, PLAIN).encoder - fit(shuffled, PLAIN).encoder

    assert np.abs(difference).max() < 1e-8 * np.abs(fit(samples, PLAIN).encoder).max()


def test_held_out_mixtures_are_predicted_and_constant_modes_reconstruct_worse(samples):
    parts = list(validation.splits(samples.mass_ratio, 0.3, 2))

    linear = validation.hold_out(samples, parts, fit)
    constant = validation.hold_out(samples, parts, lambda part: fit(part, kind="constant"))

    # The demonstration's own scatter allows about 1 wt%.
    assert linear.error.max() < 0.015
    assert linear.reconstruction_error < 0.8 * constant.reconstruction_error


def test_no_composition_is_on_both_sides(samples):
    label = validation.clusters(samples.mass_ratio)

    assert label.max() + 1 == 46  # of the 48 rows of the thesis, two compositions occur twice
    for kept, out in validation.splits(samples.mass_ratio, 0.3, 4):
        assert set(label[kept]).isdisjoint(label[out])
    rows = np.concatenate([out for _, out in validation.folds(samples.mass_ratio, 8)])
    assert sorted(rows) == list(range(48))


def test_woodburys_encoder_is_the_direct_solution():
    given, _ = exact(rows=12)
    model = fit(given, PLAIN)
    # Replicated from the definition, M x M.
    unit = given.absorbance / np.maximum(model.concentrations(given.absorbance), 0).sum(
        axis=1, keepdims=True
    )
    m = unit.shape[1]
    bands = second_difference_bands(m)
    smooth = np.diag(bands[2]) + np.diag(bands[1][1:], 1) + np.diag(bands[0][2:], 2)
    smooth = smooth + np.triu(smooth, 1).T
    ridge = model.leverage_ridge[0] * np.eye(m) + model.leverage_ridge[1] * smooth
    right = np.random.default_rng(0).normal(size=(m, 2))

    assert ridge @ SmoothSystem(m, *model.leverage_ridge).solve(right) == pytest.approx(right)
    assert model.leverage(given.absorbance).min() > 0
    assert unit.shape == given.absorbance.shape


def test_baselines_change_a_composition_little(samples):
    model = fit(samples)
    level = np.abs(samples.absorbance).mean(axis=1, keepdims=True)
    slope = 0.1 * level * np.linspace(-1, 1, samples.absorbance.shape[1])

    moved = model.predict(samples.absorbance + 0.1 * level + slope)

    plain = fit(samples, PLAIN)
    off = plain.predict(samples.absorbance + 0.1 * level + slope)
    change = np.abs(moved - model.predict(samples.absorbance)).mean()
    assert change < 0.003
    assert change < 0.3 * np.abs(off - plain.predict(samples.absorbance)).mean()


def test_virtual_mixtures_stay_within_what_is_known(samples):
    model = fit(samples, PLAIN)

    ratio, spectra = virtual_mixtures(model, samples.mass_ratio, 200, np.random.default_rng(1))

    assert ratio.sum(axis=1) == pytest.approx(1)
    assert np.isfinite(spectra).all()
    assert ratio[:, 0].max() < 1.5 * samples.mass_ratio[:, 0].max()


def test_too_few_samples_and_absent_components_are_refused():
    given, _ = exact()

    with pytest.raises(LabError, match="2 known mixtures"):
        fit(given.subset(np.arange(2), np.array([], dtype=int)))
    without = given.subset(np.flatnonzero(given.mass_ratio[:, 2] == 0), np.array([], dtype=int))
    with pytest.raises(LabError, match="2 known"):
        fit(without)
    absent = replace(given, mass_ratio=np.tile([0.5, 0.5, 0.0], (30, 1)))
    with pytest.raises(LabError, match="holds C"):
        fit(absent)


def test_a_shifted_axis_is_found(samples, fitted, mixture):
    axis, spectrum = mixture([0.1, 0.3, 0.3, 0.3, 0.0])

    shift = alignment.find_shift(fitted.model, axis - 4.0, spectrum)

    assert shift == pytest.approx(4.0, abs=0.5)  # the measurement itself is shifted by 0.15


def test_refinement_never_explains_a_spectrum_worse(samples, fitted):
    for spectrum in samples.absorbance[:5]:
        found = fine_tuning.refine(fitted.model, spectrum)

        assert found.error_after <= found.error_before * 1.02  # squares are minimised, not |…|
        assert found.mass_ratio.sum() == pytest.approx(1)


def test_a_refinement_tells_prediction_from_reconstruction(samples, fitted):
    spectrum = samples.absorbance[5]
    astray = replace(fitted.model, encoder=fitted.model.encoder[[0, 2, 3, 4, 1]])

    good = fine_tuning.refine(fitted.model, spectrum)

    assert good.verdict(explained=True) == ""
    assert good.verdict(explained=False) == "wrong reconstruction"
    assert good.finding(explained=False).startswith("Wrong reconstruction")
    found = fine_tuning.refine(astray, spectrum)
    assert found.verdict(explained=False) == "wrong prediction"
    assert found.error_after < 0.5 * found.error_before


def test_an_archive_gives_the_same_calibration_back(samples, fitted):
    again = archive.load(archive.dump(fitted))

    assert again.model.components == samples.components
    assert np.array_equal(
        again.model.predict(samples.absorbance), fitted.model.predict(samples.absorbance)
    )
    assert again.confidence.local_limit == fitted.confidence.local_limit
    with pytest.raises(UnreadableFile):
        archive.load(b"PK no archive")


def test_designed_mixtures_respect_limits_and_beat_random_ones():
    largest = np.array([0.23, 0.5, 1, 1, 1])
    names = ("LiPF6", "EC", "EMC", "DMC", "DEC")

    plan = design.propose(20, names, largest)

    assert plan.mass_ratio.sum(axis=1) == pytest.approx(1)
    assert (plan.mass_ratio <= largest + 1e-6).all()
    rows = design.candidate_mixtures(largest)
    random = rows[np.random.default_rng(0).choice(len(rows), 20)]
    assert plan.expected_error < design.propose(1, names, largest, random[:19]).expected_error
    with pytest.raises(LabError, match="sum to less than 1"):
        design.propose(3, ("A", "B"), np.array([0.2, 0.3]))


def test_25_designed_mixtures_beat_the_48_of_the_thesis():
    top = demonstration.known_mass_ratios().max(axis=0)
    designed = design.propose(25, demonstration.COMPONENTS, top).mass_ratio

    def error(known, seed: int) -> float:
        made = demonstration.samples(unknown=0, seed=seed, known=known)
        coarse = replace(
            made,
            wavenumber_per_cm=made.wavenumber_per_cm[::3],
            absorbance=made.absorbance[:, ::3],
        )
        rng = np.random.default_rng(100 + seed)
        truth = demonstration.anywhere(60, rng)
        spectra = np.stack([demonstration.measured(row, rng) for row in truth])[:, ::3]
        return float((np.abs(fit(coarse).predict(spectra) - truth).mean(axis=0) / top).mean())

    seeds = range(1, 6)
    ours = np.mean([error(designed, seed) for seed in seeds])
    assert ours < np.mean([error(None, seed) for seed in seeds])


def test_more_mixtures_lower_the_expected_error(fitted, samples):
    top = samples.mass_ratio.max(axis=0)
    few, many = (
        design.propose(count, samples.components, top, samples.mass_ratio).mass_ratio
        for count in (2, 12)
    )

    scale = fitted.confidence.interval_scale
    now, then = design.expected_errors(fitted.model, scale, top, few)
    _, later = design.expected_errors(fitted.model, scale, top, many)

    assert (later > 0).all()
    assert (later < then).all()
    assert (then < now).all()


def test_the_designer_asks_for_pairs_that_were_never_seen(samples):
    names = samples.components
    largest = samples.mass_ratio.max(axis=0)

    plan = design.propose(4, names, largest, samples.mass_ratio)

    emc, dmc, dec = names.index("EMC"), names.index("DMC"), names.index("DEC")
    together = plan.mass_ratio[:, dec] * (plan.mass_ratio[:, emc] + plan.mass_ratio[:, dmc])
    assert (together > 0.01).sum() >= 2
    assert plan.expected_error < 0.8 * plan.expected_error_before


@pytest.mark.parametrize("make", [fit_pls, fit_ridge, lambda given: fit_classical(given).predict])
def test_baselines_predict_too(samples, make):
    out = np.arange(0, 48, 5)
    kept = np.setdiff1d(np.arange(48), out)
    chosen = make(samples.subset(kept, np.array([], dtype=int)))
    predict = getattr(chosen, "predict", chosen)

    error = np.abs(predict(samples.absorbance[out]) - samples.mass_ratio[out])

    assert error.mean() < 0.03


def test_pls_agrees_with_scikit_learn(samples):
    from sklearn.cross_decomposition import PLSRegression

    from ftir.baselines import _pls

    x, y = samples.absorbance[:, ::5], samples.mass_ratio

    ours = _pls(x, y, 4)(x)

    theirs = PLSRegression(4, scale=False, max_iter=5000, tol=1e-12).fit(x, y).predict(x)
    assert ours == pytest.approx(theirs, abs=1e-6)
