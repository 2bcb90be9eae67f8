"""The methods of other labs answer with compositions, as ours do."""

import numpy as np
import pytest

from ftir import baselines, validation


@pytest.mark.parametrize("method", [baselines.fit_pls, baselines.fit_ridge])
def test_other_methods_answer_with_compositions(samples, method):
    kept, out = next(validation.splits(samples.mass_ratio, 0.3, 1))
    predict = method(samples.subset(kept, np.array([], dtype=np.intp)))

    found = predict(samples.absorbance[out])

    assert found.min() >= 0
    assert found.sum(axis=1) == pytest.approx(1)
    error = np.abs(found - samples.mass_ratio[out]).mean(axis=0)
    assert (error < 0.05).all()


def test_pls_reaches_what_is_published_on_the_hard_set(bench):
    given, _ = bench("hard")
    top = given.mass_ratio.max(axis=0)
    errors = []
    for kept, out in validation.splits(given.mass_ratio, 0.3, 3):
        predict = baselines.fit_pls(given.subset(kept, np.array([], dtype=np.intp)))
        errors.append(np.abs(predict(given.absorbance[out]) - given.mass_ratio[out]))

    mean = float(100 * (np.concatenate(errors).mean(axis=0) / top).mean())

    assert mean < 2.1  # 1.90 is published; 2.65 without its limits
