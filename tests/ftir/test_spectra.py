"""What is done to a spectrum before it is compared, and bad input."""

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from ftir.spectra import Corrections, check, correct, coverage, resample, to_absorbance

AXIS = np.arange(600.0, 4000.0, 2.0)
BAND = 0.5 / (1 + ((AXIS - 1740) / 12) ** 2) + 1e-3 * np.sin(AXIS)


@pytest.mark.parametrize(
    ("unit", "scale"), [("transmittance", 1), ("percent", 100), ("", 1), ("", 100)]
)
def test_transmittance_becomes_absorbance(unit, scale):
    found, _ = to_absorbance(scale * 10**-BAND, unit)

    assert found == pytest.approx(BAND)


def test_an_unknown_unit_is_guessed_and_told():
    found, notices = to_absorbance(BAND, "")

    assert np.array_equal(found, BAND)
    assert [notice.code for notice in notices] == ["unit_guessed"]


def test_transmittance_above_one_and_darkness_are_told():
    value = 10**-BAND
    value[:30], value[40] = 1.3, -0.1

    found, notices = to_absorbance(value, "transmittance")

    assert {"transmittance_above_one", "no_light"} <= {notice.code for notice in notices}
    assert np.isfinite(found).all()


def test_the_axis_ascends_without_repeats():
    axis, values, _ = check(np.concatenate([AXIS[::-1], AXIS[:1]]), np.append(BAND[::-1], 9))

    assert (np.diff(axis) > 0).all()
    assert values[1:] == pytest.approx(BAND[1:])


@pytest.mark.parametrize(
    ("axis", "values", "words"),
    [
        (AXIS[:20], BAND[:20], "20 points"),
        (AXIS, np.full_like(AXIS, 0.2), "everywhere"),
        (np.arange(0, 3000.0), np.linspace(3, 4.2, 3000), "cycling file"),
        (AXIS, np.full_like(AXIS, np.nan), "0 points"),
    ],
)
def test_what_is_no_spectrum_is_refused(axis, values, words):
    with pytest.raises(LabError, match=words):
        check(axis, values)


def test_saturated_bands_coarse_points_and_air_are_told():
    saturated = BAND + 4 / (1 + ((AXIS - 1000) / 10) ** 2)
    carbon = BAND + 0.05 * np.exp(-(((AXIS - 2350) / 20) ** 2))
    lines = BAND + 0.02 * ((AXIS > 1800) & (AXIS < 1900)) * (np.arange(len(AXIS)) % 3 == 0)

    assert "saturated" in {n.code for n in check(AXIS, saturated)[2]}
    assert "carbon_dioxide" in {n.code for n in check(AXIS, carbon)[2]}
    assert "water_vapour" in {n.code for n in check(AXIS, lines)[2]}
    assert "coarse" in {n.code for n in check(AXIS[::5], BAND[::5])[2]}
    assert check(AXIS, BAND)[2] == ()


def test_interpolation_is_exact_on_lines_and_never_overshoots():
    grid = np.arange(700.0, 3000.0, 0.93)

    assert resample(AXIS, 2 * AXIS + 1, grid) == pytest.approx(2 * grid + 1)
    assert resample(AXIS, BAND, grid).max() <= BAND.max() + 1e-12


def test_a_partly_covered_grid_is_told():
    grid = np.arange(550.0, 2000.0, 1.0)

    measured, notices = coverage(AXIS, grid)

    assert measured.sum() < len(grid)
    assert [notice.code for notice in notices] == ["range"]


def test_corrections_are_off_by_default_and_do_what_they_say():
    tilted = BAND + 0.2 + 1e-5 * AXIS

    assert np.array_equal(correct(AXIS, tilted, Corrections()), tilted)
    flat = correct(AXIS, tilted, Corrections(baseline="arpls"))
    assert np.abs(np.median(flat)) < 0.005
    assert flat.max() == pytest.approx(BAND.max(), abs=0.03)
    deeper = correct(AXIS, BAND, Corrections(atr_to_transmission=True))
    assert deeper == pytest.approx(BAND * AXIS / 1000)
    with pytest.raises(LabError, match="Known: none"):
        correct(AXIS, BAND, Corrections(baseline="magic"))
