"""Durations, wall clocks and the zones they were kept in."""

from datetime import datetime

import polars as pl
import pytest

from battery_db.lib.errors import UnreadableFile
from cycling.formats.clocks import check_zone, parse_moments, seconds_of, to_unix_seconds
from tests.cycling.formats import files


def test_durations_may_have_fractions_and_more_than_a_day():
    text = pl.Series(["0:00:00", "00:00:00.250", "27:55:39", "1:2:3", "x", None])

    assert seconds_of(text).to_list() == [0.0, 0.25, 100539.0, 3723.0, None, None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-05 7:08:09", datetime(2024, 3, 5, 7, 8, 9)),
        ("2024-03-05 07:08:09.500", datetime(2024, 3, 5, 7, 8, 9, 500_000)),
        ("03/05/2024 07:08:09", datetime(2024, 3, 5, 7, 8, 9)),
        ("03/05/2024 7:08", datetime(2024, 3, 5, 7, 8)),
    ],
)
def test_each_spelling_of_a_moment_is_read(text, expected):
    moments, findings = parse_moments(pl.Series([None, text]))

    assert moments[1] == expected
    assert findings == []


def test_days_first_is_only_believed_when_months_can_not_be_first():
    moments, findings = parse_moments(pl.Series(["05/03/2024 07:08:09", "25/03/2024 07:08:09"]))

    assert moments.to_list() == [datetime(2024, 3, 5, 7, 8, 9), datetime(2024, 3, 25, 7, 8, 9)]
    assert [finding.code for finding in findings] == ["day_first"]


def test_naive_clocks_are_in_the_zone_of_the_folder(read_bytes):
    content = files.nested(files.series())

    summer = read_bytes(content, time_zone="UTC")[1].frame["unix_time_second"]
    halifax = read_bytes(content, time_zone="America/Halifax")[1].frame["unix_time_second"]

    assert (halifax - summer).unique().to_list() == [4 * 3600]


def test_the_hour_that_autumn_repeats_goes_on_once_the_clock_fell():
    # Berlin, 27 October 2024: 02:59:59 is followed by 02:00:00.
    local = [datetime(2024, 10, 27, 1, 30), *[datetime(2024, 10, 27, 2, m) for m in (0, 30)] * 2]
    local.append(datetime(2024, 10, 27, 3, 0))

    unix, findings = to_unix_seconds(pl.Series(local), "Europe/Berlin")

    assert unix.diff().drop_nulls().to_list() == [1800.0] * 5
    assert findings == []


def test_the_hour_that_spring_skips_is_kept_with_a_finding():
    local = [datetime(2024, 3, 31, 1, 59), datetime(2024, 3, 31, 2, 30)]

    unix, findings = to_unix_seconds(pl.Series(local), "Europe/Berlin")

    assert unix.diff()[1] == 31 * 60
    assert [finding.code for finding in findings] == ["clock_skipped_hour"]


def test_an_unknown_zone_is_named():
    with pytest.raises(UnreadableFile, match="'Mars/Olympus' is not known"):
        check_zone("Mars/Olympus")
