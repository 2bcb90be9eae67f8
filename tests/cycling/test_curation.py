"""Fix bad cycles: a region of the plot is left out with a reason, survives, is undone."""

import pytest

from battery_db.lib.errors import LabError, NotAllowed
from cycling.jobs import grouping, importing
from cycling.models import CurationChange, HalfCycle
from cycling.quantities import HALF_CYCLE_QUANTITIES
from cycling.services import curation
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db

CAPACITY = HALF_CYCLE_QUANTITIES["capacity"][0]


@pytest.fixture
def cell(lab_file) -> int:
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(20)))
    grouping.group_cell(10001)
    return 10001


def left_out() -> set[tuple[str, int]]:
    return set(HalfCycle.objects.filter(excluded=True).values_list("polarity", "cycle_count"))


def test_a_region_of_the_plot_is_left_out_and_taken_back_in(cell, client_as):
    client = client_as("curator")
    url = f"/cycling/cells/{cell}/fix/"
    region = {"first_cycle": "4.5", "last_cycle": "7.5", "polarity": "discharge"}

    client.post(url, {**region, "reason": "oven failed"})
    assert left_out() == {("discharge", 5), ("discharge", 6), ("discharge", 7)}
    page = client.get(url).content.decode()
    assert "oven failed" in page
    assert "Left out now: 5-7" in page

    client.post(url, {**region, "restore": "1"})
    assert left_out() == set()


def test_a_region_has_limits_of_the_quantity_too(cell):
    """Cycle n has 0.2 Ah (1 - n / 1000), so 0.198 Ah lies between cycles 10 and 11."""
    region = curation.Region(CAPACITY, 1, 20, minimum=0.19790, polarity="discharge")

    pks = curation.half_cycles_in(cell, region)

    cycles = HalfCycle.objects.filter(pk__in=pks).values_list("cycle_count", flat=True)
    assert set(cycles) == set(range(1, 11))


def test_what_is_drawn_on_the_plot_counts_more_than_what_is_typed(cell, client_as):
    half = HalfCycle.objects.get(polarity="charge", cycle_count=9)

    client_as("curator").post(
        f"/cycling/cells/{cell}/fix/",
        {"half_cycles": str(half.pk), "first_cycle": "1", "last_cycle": "3", "reason": "spike"},
    )

    assert left_out() == {("charge", 9)}


def test_half_cycles_of_another_cell_are_not_touched(cell, lab_file):
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(3), cell_id=10002))
    foreign = HalfCycle.objects.filter(test__file__metadata__cell_id=10002).first()

    assert curation.exclude_half_cycles(cell, [foreign.pk], reason="x") is None
    assert left_out() == set()


def test_what_is_left_out_stays_out_when_the_file_has_grown(cell, lab_file):
    curation.exclude_cycles(cell, "3", reason="oven failed")

    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(25)))

    assert left_out() == {("charge", 3), ("discharge", 3)}
    assert HalfCycle.objects.count() == 50


def test_undo_puts_back_what_was_there_before_also_after_a_new_import(cell, lab_file, people):
    curation.exclude_cycles(cell, "3", reason="first", by=people["curator"])
    curation.exclude_cycles(cell, "3-5", reason="second", by=people["curator"])
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(25)))

    count = curation.undo(cell, CurationChange.objects.first().pk, by=people["admin"])

    assert count == 4
    assert left_out() == {("charge", 3), ("discharge", 3)}
    change = CurationChange.objects.first()
    assert (change.made_by, change.undone_by) == (people["curator"], people["admin"])
    with pytest.raises(NotAllowed):
        curation.undo(cell, change.pk)


def test_undo_leaves_alone_what_a_later_decision_settled(cell):
    curation.exclude_cycles(cell, "3-5", reason="oven failed")
    first = CurationChange.objects.first()
    curation.exclude_cycles(cell, "4", reason="", restore=True)

    curation.undo(cell, first.pk)

    assert left_out() == set()
    curation.undo(cell, CurationChange.objects.filter(undone_at=None).first().pk)
    assert left_out() == {("charge", 4), ("discharge", 4)}


@pytest.mark.parametrize(
    "sent",
    [
        {"first_cycle": "1", "last_cycle": "3", "reason": " "},
        {"reason": "oven failed"},
        {"first_cycle": "one", "last_cycle": "3", "reason": "oven failed"},
    ],
)
def test_a_choice_without_reason_region_or_number_is_refused_in_words(cell, client_as, sent):
    answer = client_as("curator").post(f"/cycling/cells/{cell}/fix/", sent, follow=True)

    assert "alert-danger" in answer.content.decode()
    assert left_out() == set()
    assert not CurationChange.objects.exists()


def test_only_a_curator_may_change_what_everybody_may_see(cell, client_as):
    url = f"/cycling/cells/{cell}/fix/"
    sent = {"first_cycle": "1", "last_cycle": "3", "reason": "x"}

    assert client_as("member").post(url, sent).status_code == 403
    page = client_as("viewer").get(url)
    assert page.status_code == 200
    assert "Leave out" not in page.content.decode()


def test_the_figure_shows_what_is_left_out_with_the_keys_of_its_points(cell, client_as):
    curation.exclude_cycles(cell, "3", reason="oven failed")

    figure = client_as("viewer").get(f"/cycling/cells/{cell}/fix.json?polarity=discharge").json()

    by_name = {trace["name"]: trace for trace in figure["data"]}
    out = by_name["left out"]
    assert out["x"] == [3]
    assert HalfCycle.objects.get(pk=out["customdata"][0]).cycle_count == 3
    assert sum(len(trace["x"]) for trace in figure["data"]) == 20


def test_a_choice_takes_a_fixed_number_of_queries(cell, lab_file, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        curation.exclude_cycles(cell, "1-20", reason="x")


def test_nothing_named_is_a_clear_error(cell):
    with pytest.raises(LabError, match="No half-cycle is chosen"):
        curation.exclude_half_cycles(cell, [], reason="x")
