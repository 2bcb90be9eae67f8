"""A spectrum keeps every point, and knows which of them count."""

import numpy as np
import pytest

from battery_db.lib.errors import UnreadableFile
from battery_db.lib.spectra import Spectrum


def test_a_point_counts_when_it_is_a_number_at_a_positive_frequency():
    spectrum = Spectrum([1.0, 0.0, np.nan, 4.0, 5.0, 6.0], [1 - 1j, 1, 1, np.inf, 0, 2])

    assert spectrum.usable.tolist() == [True, False, False, False, False, True]


def test_masking_leaves_the_points_in_place_and_can_be_taken_back():
    spectrum = Spectrum([1.0, 2.0], [1 - 1j, 2 - 1j], name="a")
    masked = spectrum.masked(np.array([True, False]))

    assert masked.usable.tolist() == [True, False]
    assert masked.masked(np.array([True, True])).usable.all()
    assert (masked.name, len(masked)) == ("a", 2)


def test_columns_of_different_lengths_are_refused_by_name():
    with pytest.raises(UnreadableFile, match=r"cell 7.*\(2,\), \(1,\)"):
        Spectrum([1.0, 2.0], [1.0], name="cell 7")
