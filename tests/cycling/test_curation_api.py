"""What curators decide, over REST: with reason, undo, audit and permissions."""

import pytest

from battery_db.lib.history import changes_of
from cycling.jobs import grouping, importing
from cycling.models import CellState, CurationChange, CycleGroup, HalfCycle, Problem
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db

CHANGES = "/api/v1/cycling/curation-changes/"
PROBLEMS = "/api/v1/cycling/problems/"


@pytest.fixture
def cell(lab_file) -> int:
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(20)))
    grouping.group_cell(10001)
    return 10001


@pytest.fixture
def problem(db) -> Problem:
    return Problem.objects.create(kind="jump", key="cell 1", text="A jump.", fix="Look.", url="/")


def send(client, url: str, body: dict | None = None, method: str = "post"):
    return getattr(client, method)(url, body or {}, content_type="application/json")


def left_out() -> set[tuple[str, int]]:
    return set(HalfCycle.objects.filter(excluded=True).values_list("polarity", "cycle_count"))


def test_cycles_are_left_out_with_a_reason_taken_back_in_and_undone(cell, client_as):
    client = client_as("curator")

    made = send(client, CHANGES, {"cell_id": cell, "cycles": "3-4", "reason": "oven failed"})
    assert made.status_code == 201
    assert made.json()["half_cycles"] == 4
    assert left_out() == {(side, n) for side in ("charge", "discharge") for n in (3, 4)}

    back = send(client, CHANGES, {"cell_id": cell, "cycles": "4", "excludes": False})
    assert back.json()["half_cycles"] == 2
    assert left_out() == {("charge", 3), ("discharge", 3)}

    change = made.json()["change"]
    undone = send(client, f"{CHANGES}{change['id']}/undo/")
    assert undone.json() == {"half_cycles": 2}
    assert left_out() == set()
    listed = client.get(f"{CHANGES}?cell_id={cell}&undone=true").json()["results"]
    assert [(row["reason"], row["made_by"], row["undone_by"]) for row in listed] == [
        ("oven failed", "curator", "curator")
    ]
    told = [each.reason for each in changes_of(CellState.objects.get(pk=cell))]
    assert "cycles 3-4 left out: oven failed" in told


def test_a_region_of_a_plot_and_single_half_cycles_are_left_out(cell, client_as):
    client = client_as("curator")
    region = {"quantity": "capacity", "polarity": "discharge", "first_cycle": 5, "last_cycle": 6}

    send(client, CHANGES, {"cell_id": cell, "region": region, "reason": "spike"})
    half = HalfCycle.objects.get(polarity="charge", cycle_count=9)
    send(client, CHANGES, {"cell_id": cell, "half_cycles": [half.pk], "reason": "spike"})

    assert left_out() == {("discharge", 5), ("discharge", 6), ("charge", 9)}


def test_what_is_so_already_makes_no_decision(cell, client_as):
    answer = send(
        client_as("curator"), CHANGES, {"cell_id": cell, "cycles": "3", "excludes": False}
    )

    assert answer.status_code == 200
    assert answer.json() == {"half_cycles": 0, "change": None}
    assert not CurationChange.objects.exists()


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"cycles": "3"}, "only left out with a reason"),
        ({"reason": "x"}, "found none"),
        ({"reason": "x", "cycles": "3", "half_cycles": [1]}, "cycles and half_cycles"),
        ({"reason": "x", "cycles": "three"}, "three"),
        ({"reason": "x", "region": {"first_cycle": 90, "last_cycle": 99}}, "lies in the region"),
    ],
)
def test_a_decision_that_can_not_be_is_refused_in_words(cell, client_as, asked, complaint):
    answer = send(client_as("curator"), CHANGES, {"cell_id": cell, **asked})

    assert answer.status_code in (400, 409)
    assert complaint in answer.text
    assert left_out() == set()


def test_a_decision_is_undone_once(cell, client_as):
    client = client_as("curator")
    made = send(client, CHANGES, {"cell_id": cell, "cycles": "3", "reason": "x"}).json()
    url = f"{CHANGES}{made['change']['id']}/undo/"

    assert send(client, url).status_code == 200
    assert send(client, url).status_code == 409


def test_only_curators_decide(cell, problem, client_as):
    member = client_as("member")

    sent = send(member, CHANGES, {"cell_id": cell, "cycles": "3", "reason": "x"})
    dismissed = send(member, f"{PROBLEMS}{problem.pk}/dismiss/", {"reason": "x"})

    assert (sent.status_code, dismissed.status_code) == (403, 403)
    assert client_as("viewer").get(CHANGES).status_code == 200
    assert client_as("viewer").get(PROBLEMS).json()["results"][0]["title"] == "Jumps of capacity"


def test_a_problem_is_dismissed_with_a_reason_and_taken_up_again(problem, client_as):
    client = client_as("curator")
    url = f"{PROBLEMS}{problem.pk}/"

    assert send(client, f"{url}dismiss/", {"reason": " "}).status_code == 400
    answer = send(client, f"{url}dismiss/", {"reason": "the holder was changed"}).json()
    assert (answer["dismissed_reason"], answer["dismissed_by"]) == (
        "the holder was changed",
        "curator",
    )
    assert client.get(f"{PROBLEMS}?dismissed=false").json()["results"] == []
    assert len(client.get(f"{PROBLEMS}?dismissed=true&kind=jump").json()["results"]) == 1

    assert send(client, f"{url}restore/").json()["dismissed_at"] is None
    assert [each.by for each in changes_of(problem)][:2] == ["curator", "curator"]


def test_a_group_is_named_over_rest_and_the_history_says_so(cell, client_as):
    group = CycleGroup.objects.filter(polarity="discharge").first()
    url = f"/api/v1/cycling/groups/{group.pk}/"

    named = send(client_as("member"), url, {"name": " slow  check-up "}, "patch").json()
    assert (named["name"], named["title"]) == ("slow check-up", "slow check-up")

    send(client_as("member"), url, {"name": "slow check-up"}, "patch")
    changes = changes_of(CellState.objects.get(pk=cell))
    assert [(each.by, each.reason) for each in changes if "named" in each.reason] == [
        ("member", "Discharge 1 named 'slow check-up'")
    ]
    assert send(client_as("viewer"), url, {"name": "x"}, "patch").status_code == 403
    assert send(client_as("member"), url, {"name": "x" * 61}, "patch").status_code == 400


def test_lists_take_a_fixed_number_of_queries(cell, client_as, django_assert_max_num_queries):
    client = client_as("curator")
    for cycle in range(1, 8):
        send(client, CHANGES, {"cell_id": cell, "cycles": str(cycle), "reason": "x"})
        Problem.objects.create(kind="jump", key=str(cycle), text="x", fix="x", url="/")

    with django_assert_max_num_queries(6):
        client.get(CHANGES)
    with django_assert_max_num_queries(6):
        client.get(PROBLEMS)
