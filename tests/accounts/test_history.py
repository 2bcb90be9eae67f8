"""Who changed what, worded for people, in few queries."""

import pytest
from simple_history.utils import bulk_create_with_history

from battery_db.lib.history import changes_of, tracked_models
from cells.models import DryCell, Electrolyte, WetCell


@pytest.fixture
def cell(people):
    dry = DryCell.objects.create(name="NMC622 pouch")
    row = WetCell(cell_id=10001)
    row._history_user = people["member"]
    row.save()
    row.dry_cell, row.notes = dry, "leaked"
    row._history_user = people["curator"]
    row.save()
    return row


def test_a_change_says_who_and_what_in_words(cell):
    newest, first = changes_of(cell)

    assert (newest.by, newest.verb, newest.subject) == ("curator", "changed", "Cell 10001")
    assert {(field.name, field.old, field.new) for field in newest.fields} == {
        ("notes", "(empty)", "leaked"),
        ("dry cell", "(empty)", "NMC622 pouch"),
    }
    assert (first.by, first.verb, first.fields) == ("member", "added", [])


def test_what_was_deleted_keeps_its_name(cell, client_as):
    cell.delete()

    page = client_as("curator").get("/account/changes/").text

    assert "deleted" in page
    assert "Cell 10001" in page


def test_the_page_filters_by_person_and_kind(cell, client_as, people):
    client = client_as("curator")

    by_person = client.get("/account/changes/", {"person": people["member"].pk})
    by_kind = client.get("/account/changes/", {"model": "cells.DryCell"})

    assert [change.verb for change in by_person.context["changes"]] == ["added"]
    assert [change.subject for change in by_kind.context["changes"]] == ["NMC622 pouch"]


@pytest.mark.parametrize("query", ["model=no.such", "person=x", "person=-1", "page=999", "page=x"])
def test_a_query_that_means_nothing_is_no_error(cell, client_as, query):
    assert client_as("curator").get(f"/account/changes/?{query}").status_code == 200


@pytest.mark.parametrize("count", [5, 200])
def test_a_page_of_changes_costs_the_same_however_many(
    client_as, django_assert_max_num_queries, count
):
    cells = [WetCell(cell_id=20000 + number) for number in range(count)]
    bulk_create_with_history(cells, WetCell)
    for row in WetCell.objects.all()[:40]:
        row.notes = "seen"
        row.save()
    client = client_as("curator")

    with django_assert_max_num_queries(14):
        answer = client.get("/account/changes/")

    assert len(answer.context["changes"]) == min(50, count + min(40, count))
    assert answer.context["changes"][0].fields


def test_lab_data_is_tracked(db):
    assert {DryCell._meta.label, Electrolyte._meta.label, WetCell._meta.label} <= set(
        tracked_models()
    )
