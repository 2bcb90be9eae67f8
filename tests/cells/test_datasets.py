import pytest
from django.urls import reverse

from battery_db.lib.errors import LabError, NotAllowed
from cells.models import Dataset, DatasetFilter, Snapshot
from cells.services.datasets import (
    add_cells,
    copy_filter,
    create_dataset,
    delete_if_unused,
    remove_cells,
    rename_cell,
    save_filter,
)
from cells.services.registry import register_cell

CHECK_UP = [
    ("charge", "constant_rate", 0.03, 0.07),
    ("discharge", "end_voltage", None, 3.22),
    ("charge", "previous_end_voltage", None, None),
]


@pytest.fixture
def dataset(people):
    for cell_id in range(1, 6):
        register_cell(cell_id)
    made = create_dataset("Additives", people["member"], "VC in steps")
    add_cells(made, [1, 2, 3])
    return made


def ranges_of(row):
    return sorted(row.ranges.values_list("polarity", "attribute", "minimum", "maximum"))


def test_a_dataset_name_is_taken_once_whatever_its_case(dataset):
    with pytest.raises(NotAllowed):
        create_dataset("additives")


@pytest.mark.parametrize("name", ["Ü 2%", "日本", "???", "-", "additives "])
def test_any_name_gives_a_dataset_an_address_of_its_own(db, name):
    first, second = create_dataset(name), create_dataset(f"{name}!")

    assert first.slug
    assert first.slug != second.slug
    assert reverse("cells:dataset", args=[first.slug])


def test_a_cell_is_in_a_dataset_once(dataset):
    assert add_cells(dataset, [3, 4, 4]) == 1
    assert dataset.memberships.count() == 4


def test_cells_nobody_registered_are_refused_and_nothing_is_added(dataset):
    with pytest.raises(LabError, match="98-99"):
        add_cells(dataset, [5, 98, 99])

    assert dataset.memberships.count() == 3


def test_a_name_within_a_dataset_is_unique_there_only(dataset):
    rename_cell(dataset, 1, "1%")
    other = create_dataset("Other")
    add_cells(other, [2])

    rename_cell(other, 2, "1%")
    with pytest.raises(LabError, match="has that name"):
        rename_cell(dataset, 2, "1%")
    rename_cell(dataset, 2, "")
    rename_cell(dataset, 3, "")


def test_a_filter_keeps_one_sided_ranges_and_leaves_out_open_ones(dataset):
    row = save_filter(dataset, "Check-up", CHECK_UP)

    assert ranges_of(row) == sorted(CHECK_UP[:2])
    assert not row.cells.exists()


def test_saving_a_filter_again_changes_it_in_place(dataset):
    first = save_filter(dataset, "Check-up", CHECK_UP)

    again = save_filter(dataset, "Check-up", CHECK_UP[:1], [1, 2])

    assert again == first
    assert ranges_of(again) == [CHECK_UP[0]]
    assert again.cells.count() == 2


@pytest.mark.parametrize(
    "ranges",
    [
        [("charge", "end_voltage", 4.2, 4.0)],
        [("charge", "end_voltage", float("nan"), None)],
        [("charge", "end_voltage", 4.0, None), ("charge", "end_voltage", None, 4.2)],
    ],
)
def test_ranges_that_make_no_sense_are_refused_and_leave_the_filter_as_it_was(dataset, ranges):
    row = save_filter(dataset, "Check-up", CHECK_UP)

    with pytest.raises(LabError):
        save_filter(dataset, "Check-up", ranges)

    assert ranges_of(row) == sorted(CHECK_UP[:2])


def test_a_filter_is_for_cells_of_its_dataset_only(dataset):
    with pytest.raises(LabError, match="Not in the dataset: 5"):
        save_filter(dataset, "Check-up", CHECK_UP, [1, 5])

    assert not DatasetFilter.objects.exists()


def test_a_filter_is_copied_under_a_free_name(dataset):
    row = save_filter(dataset, "Check-up", CHECK_UP, [1])
    copy_filter(row)

    copy = copy_filter(row)

    assert copy.name == "Check-up 3"
    assert ranges_of(copy) == ranges_of(row)
    assert copy.cells.get().wet_cell.cell_id == 1


def test_a_filter_for_chosen_cells_never_widens_to_all_by_removing_them(dataset):
    save_filter(dataset, "Check-up", CHECK_UP, [1, 2])

    assert remove_cells(dataset, [1]) == 1
    with pytest.raises(NotAllowed, match="Check-up"):
        remove_cells(dataset, [2, 3])
    assert dataset.memberships.count() == 2


def test_a_dataset_with_a_snapshot_is_kept(dataset):
    snapshot = Snapshot.objects.create(title="Additives", digest="0" * 64, selection={})
    snapshot.datasets.add(dataset, through_defaults={"position": 0})

    with pytest.raises(NotAllowed, match="Additives 00000000"):
        delete_if_unused(dataset)


def test_a_dataset_goes_with_its_names_and_filters_and_leaves_the_cells(dataset, client_as):
    save_filter(dataset, "Check-up", CHECK_UP, [1])

    client_as("curator").post("/datasets/additives/delete/")

    assert not Dataset.objects.exists()
    assert Dataset.history.filter(history_type="-").get().history_user.username == "curator"


def test_a_dataset_is_created_on_its_page_and_its_name_may_not_be_taken(dataset, client_as):
    client = client_as("member")

    assert client.post("/datasets/", {"name": "Rates"}).url == "/datasets/rates/"
    assert "exists already" in client.post("/datasets/", {"name": "RATES"}).content.decode()


def test_cells_are_added_and_removed_on_the_page(dataset, client_as):
    client = client_as("member")

    client.post("/datasets/additives/add-cells/", {"cell_ids": "3-5"})
    client.post("/datasets/additives/remove-cells/", {"cell": ["1", "5"]})
    refused = client.post("/datasets/additives/add-cells/", {"cell_ids": "x"}, follow=True)

    assert list(dataset.cells.values_list("cell_id", flat=True)) == [2, 3, 4]
    assert "neither a number nor a range" in refused.content.decode()


def test_a_cell_is_named_in_place(dataset, client_as):
    client = client_as("member")
    address = "/datasets/additives/cells/1/name/"
    rename_cell(dataset, 2, "2%")

    assert 'value=""' not in client.get(address).content.decode()
    named = client.post(address, {"name": "1%"}, headers={"hx-request": "true"}).content.decode()
    refused = client.post(address, {"name": "2%"}, headers={"hx-request": "true"})

    assert "1%" in named
    assert "<form" not in named
    assert "has that name" in refused.content.decode()


def test_a_filter_is_made_and_changed_on_its_page(dataset, client_as):
    client = client_as("member")
    data = {"name": "Check-up", "charge-constant_rate-maximum": "0.07", "cells": ["1"]}

    client.post("/datasets/additives/filters/new/", data)
    row = DatasetFilter.objects.get()
    page = client.get(f"/datasets/additives/filters/{row.pk}/").content.decode()
    client.post(f"/datasets/additives/filters/{row.pk}/", {**data, "name": "C/20", "cells": []})

    assert 'value="0.07"' in page
    row.refresh_from_db()
    assert (row.name, row.cells.count()) == ("C/20", 0)
    wrong = {"name": "X", "charge-end_rate-minimum": "2", "charge-end_rate-maximum": "1"}
    assert (
        "Below the minimum"
        in client.post("/datasets/additives/filters/new/", wrong).content.decode()
    )
    client.post(f"/datasets/additives/filters/{row.pk}/copy/")
    client.post(f"/datasets/additives/filters/{row.pk}/delete/")
    assert DatasetFilter.objects.get().name == "C/20 2"


def test_the_name_and_nightly_export_are_edited(dataset, client_as):
    client = client_as("member")

    client.post("/datasets/additives/edit/", {"name": "Additives 2", "export_nightly": "on"})

    dataset.refresh_from_db()
    assert (dataset.name, dataset.slug, dataset.export_nightly) == (
        "Additives 2",
        "additives",
        True,
    )


def test_a_dataset_of_100_cells_takes_a_constant_number_of_queries(
    dataset, client_as, django_assert_max_num_queries
):
    for cell_id in range(100, 200):
        register_cell(cell_id)
    add_cells(dataset, range(100, 200))
    save_filter(dataset, "Check-up", CHECK_UP)
    client = client_as("member")

    with django_assert_max_num_queries(16):
        client.get("/datasets/additives/")
