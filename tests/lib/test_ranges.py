import pytest
from hypothesis import given
from hypothesis import strategies as st

from battery_db.lib.errors import LabError
from battery_db.lib.ranges import format_ranges, parse_ranges


@given(st.sets(st.integers(0, 5000)))
def test_formatted_numbers_read_back_sorted(numbers):
    assert parse_ranges(format_ranges(numbers)) == sorted(numbers)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1, 50, 100-102", [1, 50, 100, 101, 102]),
        ("3;1", [3, 1]),
        ("10001 - 10003", [10001, 10002, 10003]),
        ("7 7", [7]),
        ("-1-2", [-1, 0, 1, 2]),
        ("", []),
    ],
)
def test_ranges_are_read_as_people_type_them(text, numbers):
    assert parse_ranges(text) == numbers


@pytest.mark.parametrize("text", ["abc", "5-1", "1-", "1.5", "1-999999999"])
def test_what_is_no_range_is_refused_with_its_text(text):
    with pytest.raises(LabError) as error:
        parse_ranges(text, limit=1000)

    assert error.value.fix
