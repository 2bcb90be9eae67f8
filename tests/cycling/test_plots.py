import json

import numpy as np

from battery_db.lib.palette import COLOURS, SYMBOLS
from cycling.plots import Points, overview, scatter_by_group, voltage_curves


def test_no_two_legend_entries_look_alike():
    count = len(COLOURS) * len(SYMBOLS)

    figure = scatter_by_group(
        [Points(str(n), [1.0], [2.0]) for n in range(count)], x_axis="Cycle number", y_axis="y"
    )

    looks = {(t["marker"]["color"], t["marker"]["symbol"]) for t in figure["data"]}
    assert len(looks) == count


def test_figures_are_plain_json_with_gaps_where_nothing_is_known():
    figure = scatter_by_group(
        [Points("a", np.array([1.0, 2.0]), np.array([np.nan, 0.2]))],
        x_axis="x / 1",
        y_axis="y / Ah",
    )

    assert json.loads(json.dumps(figure, allow_nan=False))["data"][0]["y"] == [None, 0.2]
    assert figure["layout"]["yaxis"]["title"]["text"] == "y / Ah"


def test_charge_and_discharge_of_a_cycle_share_a_colour_and_one_legend_entry():
    pairs = [
        (cycle, polarity, Points("", [0.0, 1.0], [3.0, 4.0]))
        for cycle in range(12)
        for polarity in ("charge", "discharge")
    ]

    figure = voltage_curves(pairs)

    shown = [trace for trace in figure["data"] if trace["showlegend"]]
    assert len(shown) == 12
    assert {trace["line"]["dash"] for trace in shown} == {"solid"}
    assert len({trace["line"]["color"] for trace in figure["data"]}) == 12


def test_an_overview_has_voltage_and_current_on_axes_of_their_own():
    figure = overview(np.array([0.0, 3600.0]), np.array([3.0, 4.0]), np.array([0.1, 0.1]))

    assert figure["data"][0]["x"] == [0.0, 1.0]
    assert figure["data"][1]["yaxis"] == "y2"
    assert figure["layout"]["yaxis2"]["title"]["text"] == "Current / A"
