"""The measures themselves, and the targets on the synthetic reference sets."""

import numpy as np
import pytest

from ftir import confidence, scorecard
from ftir.reference import Unseen
from ftir.validation import HeldOut

TIMED = ("a fit", "fits", "a spectrum")


def test_a_target_is_met_within_its_limits():
    assert scorecard.below("x", "", 0.9, 0.9).met
    assert not scorecard.above("x", "", 0.9, 0.89).met
    assert scorecard.Score("x", "", 0.87, 0.97, 0.9).target == "0.87 to 0.97"
    assert scorecard.above("x", "", 0.9, 1).target == ">= 0.9"


def test_the_target_of_the_salt_is_that_of_lipf6_wherever_it_stands():
    truth = np.array([[0.9, 0.1], [0.8, 0.2]])
    held = HeldOut(truth, truth + np.array([0.02, 0.001]), *[np.zeros((2, 1))] * 5)

    scores = {s.measure: s.ours for s in scorecard._per_component(held, ("EC", "LiPF6"))}
    bare = scorecard._per_component(held, ("EC", "EMC"))

    assert scores["LiPF6, mean / wt%"] == pytest.approx(0.1)
    assert scores["solvents, worst mean / wt%"] == pytest.approx(2)
    assert [score.measure for score in bare] == ["solvents, worst mean / wt%"]


def test_the_area_under_the_curve_counts_ties_half():
    normal, strange = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0])

    assert scorecard.area_under_curve(normal, strange) == pytest.approx((1.5 + 3) / 6)


def test_intervals_are_tried_where_they_belong(samples, fitted):
    inside = confidence.covered(
        fitted.model, fitted.confidence, samples.absorbance, samples.mass_ratio
    )

    assert inside.shape == samples.mass_ratio.shape
    assert inside.mean() > 0.9  # samples of the fit itself


def test_a_species_is_found_at_its_band(fitted, samples, mixture):
    axis, spectrum = mixture([0.1, 0.3, 0.35, 0.25, 0.0], grid=samples.wavenumber_per_cm)
    acetone = 0.1 / (1 + ((axis - 1713) / 11) ** 2)
    tests = Unseen(
        samples.absorbance[:20], samples.mass_ratio[:20], (spectrum + acetone)[None],
        ("acetone",), np.array([0.05]),
    )  # fmt: skip

    auc, alarms, near = scorecard.unknown_species(tests, (fitted.model, fitted.confidence))

    assert auc.ours == 1
    assert alarms.ours < 0.2
    assert near.met


@pytest.mark.slow  # half a minute: every figure of the table
@pytest.mark.parametrize("level", ["hard", "real"])
def test_the_reference_sets_meet_their_targets(bench, level):
    given, arrays = bench(level)
    tests = Unseen(
        arrays["test_absorbance"].astype(float),
        arrays["test_mass_ratio"],
        arrays["contaminated_absorbance"].astype(float),
        tuple(map(str, arrays["contaminant"])),
        arrays["contaminant_mass_ratio"],
    )

    scores = scorecard.measure(given, tests)

    missed = {
        score.measure
        for score in scores
        if not score.met and not any(word in score.measure for word in TIMED)
    }
    # Known: the salt's far errors and what is left of a spectrum without unknown mixtures.
    known = {"LiPF6, 95 % below / wt%", "the same without unknown mixtures / %"}
    assert missed <= (known if level == "hard" else set())
    auc = next(score.ours for score in scores if "AUC" in score.measure)
    assert auc >= (0.93 if level == "hard" else 0.98)
