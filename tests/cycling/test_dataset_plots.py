"""A dataset's cells plotted together, its filters previewed, its cells named in one table."""

import json

import pytest

from battery_db.lib.errors import LabError
from cells.models import Dataset, DatasetCell, DatasetFilter, FilterRange, WetCell
from cells.services import datasets as registry
from cycling.exports.csv_folder import Range
from cycling.jobs import grouping, importing
from cycling.models import HalfCycle
from cycling.quantities import QUANTITIES
from cycling.services import panels, previews
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(lab_file) -> Dataset:
    """Cell 10001 at 1C, cell 10002 at C/2 and then 1C."""
    dataset = Dataset.objects.create(name="Rates", slug="rates")
    files = {
        10001: [("a", 12, 1.0, 0)],
        10002: [("b", 8, 0.5, 0), ("c", 5, 1.0, 8)],
    }
    for cell_id, parts in files.items():
        cell = WetCell.objects.create(cell_id=cell_id)
        DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name=f"{cell_id % 10}%")
        for name, cycles, rate, start in parts:
            frame = cccv_cycles(cycles, rate=rate)
            importing.import_file(
                lab_file(f"{name}.bdf.csv", frame, cell_id=cell_id, start_cycle=start)
            )
        grouping.group_cell(cell_id)
    for name, low, high in (("1C", 0.9, None), ("C/2", None, 0.6)):
        chosen = DatasetFilter.objects.create(dataset=dataset, name=name)
        FilterRange.objects.create(
            filter=chosen,
            polarity="discharge",
            attribute="constant_rate",
            minimum=low,
            maximum=high,
        )
    return dataset


def shown(dataset: Dataset, mode: str) -> dict[str, dict[str, int]]:
    found = panels.panels_of(dataset, QUANTITIES["discharge_capacity"], mode)
    return {panel.title: {p.name: len(p.x) for p in panel.points} for panel in found}


def test_panels_are_filters_or_cells_or_one_for_all(dataset):
    assert shown(dataset, "filter") == {"1C": {"1%": 12, "2%": 5}, "C/2": {"2%": 8}}
    assert shown(dataset, "cell") == {"1%": {"1C": 12}, "2%": {"1C": 5, "C/2": 8}}
    assert shown(dataset, "one") == {"": {"1%, 1C": 12, "2%, 1C": 5, "2%, C/2": 8}}


def test_the_figure_is_a_grid_with_common_axes_and_each_name_once(dataset, client_as):
    figure = (
        client_as("viewer")
        .get("/cycling/datasets/rates/discharge_capacity.json?panels=filter&columns=2")
        .json()
    )

    layout = figure["layout"]
    assert [note["text"] for note in layout["annotations"]] == ["1C", "C/2"]
    assert layout["xaxis"]["domain"][1] < layout["xaxis2"]["domain"][0]
    assert layout["xaxis2"]["matches"] == "x"
    assert layout["yaxis"]["title"]["text"] == "Discharge capacity / Ah"
    named = [trace["name"] for trace in figure["data"] if trace["showlegend"]]
    assert named == ["1%", "2%"]


def test_a_member_keeps_the_plot_for_everybody(dataset, client_as):
    sent = {"quantity": "coulombic_efficiency", "panels": "cell", "columns": "3", "filter": ""}

    client_as("member").post("/cycling/datasets/rates/plot/", sent)

    page = client_as("viewer").get("/cycling/datasets/rates/panel/").content.decode()
    assert "Coulombic efficiency against cycle number" in page
    assert "panels=cell&amp;columns=3" in page
    assert client_as("viewer").post("/cycling/datasets/rates/plot/", sent).status_code == 403


def test_the_figure_comes_as_one_html_file_that_needs_nothing_else(dataset, client_as):
    answer = client_as("viewer").get("/cycling/datasets/rates/figure.html")

    text = answer.content.decode()
    assert answer["Content-Disposition"] == ('attachment; filename="rates-discharge_capacity.html"')
    assert "Plotly.newPlot" in text
    assert "<script src=" not in text
    assert "1%" in text


def test_a_preview_counts_what_the_saved_filter_will_catch(dataset):
    ranges = [Range("discharge", "constant_rate", 0.9, None)]

    found = previews.preview(dataset, ranges, [])

    assert (found.caught, found.total) == (17, 25)
    assert found.by_cell == (("1%", 12, 12), ("2%", 5, 13))
    assert {name: (own, both) for name, own, both in found.others} == {
        "1C": (17, 17),
        "C/2": (8, 0),
    }
    assert {g.label: g.caught for g in found.groups if g.polarity == "discharge"} == {
        "1C to 3.00 V after 4.20 V": 17,
        "C/2 to 3.00 V after 4.20 V": 0,
    }


def test_the_limits_of_a_group_catch_all_of_it_and_nothing_else(dataset):
    """But for the first half-cycle of a cell: what came before it is not known."""
    found = previews.preview(dataset, [], [])
    for group in found.groups:
        limits = json.loads(group.as_limits)
        ranges = [
            Range(group.polarity, name, limits[f"{group.polarity}-{name}-minimum"],
                  limits[f"{group.polarity}-{name}-maximum"])
            for name in group.box
        ]  # fmt: skip

        again = previews.preview(dataset, ranges, [])

        caught = {(g.polarity, g.label): g.caught for g in again.groups}
        own = caught[group.polarity, group.label]
        first = group.cells if group.polarity == "charge" else 0
        assert group.half_cycles - first <= own <= group.half_cycles
        assert sum(n for (kind, _), n in caught.items() if kind == group.polarity) == own


def test_the_preview_of_the_page_takes_half_typed_limits_as_open(dataset, client_as):
    sent = {"discharge-constant_rate-minimum": "-", "discharge-constant_rate-maximum": "0.6"}

    answer = client_as("member").post("/cycling/datasets/rates/filter-preview/", sent)

    assert "<strong>8</strong> of 25 cycles pass" in answer.content.decode()


def test_a_preview_for_chosen_cells_counts_these_only(dataset, client_as):
    sent = {"discharge-constant_rate-minimum": "0.9", "cells": ["10002"]}

    answer = client_as("member").post("/cycling/datasets/rates/filter-preview/", sent)

    assert "<strong>5</strong> of 13 cycles pass" in answer.content.decode()


def test_typing_asks_the_database_little(dataset, client_as, django_assert_max_num_queries):
    client = client_as("member")
    sent = {"discharge-constant_rate-minimum": "0.9"}
    client.post("/cycling/datasets/rates/filter-preview/", sent)

    with django_assert_max_num_queries(16):
        client.post("/cycling/datasets/rates/filter-preview/", sent)


def test_what_was_left_out_is_not_counted(dataset):
    HalfCycle.objects.of_cell(10001).in_cycles([5]).update(excluded=True)

    assert previews.preview(dataset, [], []).total == 24


def test_the_form_of_a_filter_asks_for_its_preview(dataset, client_as):
    page = client_as("member").get("/datasets/rates/filters/new/").content.decode()

    assert 'hx-post="/cycling/datasets/rates/filter-preview/"' in page


def test_cells_are_named_in_one_table_and_may_exchange_names(dataset, client_as):
    client = client_as("member")
    sent = {
        "cells-TOTAL_FORMS": "2",
        "cells-INITIAL_FORMS": "2",
        "cells-0-cell_id": "10001",
        "cells-0-name": "2%",
        "cells-0-colour": "#009E73",
        "cells-1-cell_id": "10002",
        "cells-1-name": "1%",
        "cells-1-colour": "",
    }

    client.post("/datasets/rates/names/", sent)

    names = dict(dataset.memberships.values_list("wet_cell__cell_id", "name"))
    assert names == {10001: "2%", 10002: "1%"}
    assert dataset.memberships.get(wet_cell__cell_id=10001).colour == "#009E73"
    assert DatasetCell.history.filter(name="2%", wet_cell__cell_id=10001).exists()


@pytest.mark.parametrize(("name", "colour"), [("1%", ""), ("other", "red")])
def test_a_name_that_is_taken_or_no_colour_is_refused_and_nothing_is_saved(
    dataset, client_as, name, colour
):
    sent = {
        "cells-TOTAL_FORMS": "2",
        "cells-INITIAL_FORMS": "2",
        "cells-0-cell_id": "10001",
        "cells-0-name": "1%",
        "cells-1-cell_id": "10002",
        "cells-1-name": name,
        "cells-1-colour": colour,
    }

    page = client_as("member").post("/datasets/rates/names/", sent).content.decode()

    assert "invalid-feedback" in page
    assert dict(dataset.memberships.values_list("wet_cell__cell_id", "name")) == {
        10001: "1%",
        10002: "2%",
    }


def test_a_name_taken_on_another_page_is_refused_in_words(dataset):
    with pytest.raises(LabError, match="name"):
        registry.rename_cells(dataset, [{"cell_id": 10002, "name": "1%", "colour": ""}])
    assert dataset.memberships.get(wet_cell__cell_id=10002).name == "2%"


def test_colour_and_dq_dv_of_a_filter_are_saved_copied_and_in_the_api(dataset, client_as):
    client = client_as("member")
    row = dataset.filters.get(name="1C")
    limit = {"discharge-constant_rate-minimum": "0.9"}
    look = {"name": "1C", "colour": "#D55E00", "differential": "files"}
    client.post(f"/datasets/rates/filters/{row.pk}/", {**look, **limit})
    client.post(f"/datasets/rates/filters/{row.pk}/copy/")

    for name in ("1C", "1C 2"):
        found = dataset.filters.get(name=name)
        assert (found.colour, found.differential) == ("#D55E00", "files")
    answer = client.get(f"/api/v1/datasets/rates/filters/{row.pk}/").json()
    assert (answer["colour"], answer["differential"]) == ("#D55E00", "files")
