"""Groups of half-cycles against known truth: the bench, own families, the reference's defects."""

import gzip
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from cycling.groups import Grouping, group_half_cycles

# One half-cycle as intended: constant rate, end rate, end voltage; charge when rising.
Step = tuple[str, float, float, float]
CHARGE = ("charge", 1.0, 0.05, 4.2)
DISCHARGE = ("discharge", 1.0, 1.0, 3.0)


def measured(steps: list[Step], noise: float, seed: int) -> dict[str, np.ndarray]:
    """Attributes as an instrument would give them, with relative noise in the currents."""
    rng = np.random.default_rng(seed)
    size = len(steps)
    rate = np.array([step[1] for step in steps]) * np.exp(rng.normal(0, noise, size))
    held = np.array([step[2] / step[1] for step in steps])
    end = rate * held * np.exp(rng.normal(0, noise / 3, size))
    volt = np.array([step[3] for step in steps]) + rng.normal(0, 0.002, size)
    return {
        "constant_rate": rate,
        "end_rate": end,
        "previous_end_rate": np.concatenate([[np.nan], end[:-1]]),
        "end_voltage": volt,
        "previous_end_voltage": np.concatenate([[np.nan], volt[:-1]]),
        "polarity": np.array([step[0] for step in steps]),
    }


def truth(steps: list[Step]) -> np.ndarray:
    """A half-cycle's program is its own step and the end of the one before."""
    keys = [
        (*step, *(steps[max(place - 1, 0)][2:] if place else steps[1][2:]))
        for place, step in enumerate(steps)
    ]
    return np.unique([str(key) for key in keys], return_inverse=True)[1]


def group(steps: list[Step], noise: float = 0.01, seed: int = 0) -> Grouping:
    return group_half_cycles(**measured(steps, noise, seed))


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985): 1 for the same partition."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    together, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    expected = rows * columns / pairs(np.array([len(one)]))
    highest = (rows + columns) / 2
    return 1.0 if highest == expected else (together - expected) / (highest - expected)


def with_checkups(rng: np.random.Generator) -> list[Step]:
    slow = [("charge", 0.05, 0.05, 4.2), ("discharge", 0.05, 0.05, 3.0)]
    every = int(rng.integers(40, 90))
    return [
        step
        for cycle in range(600)
        for step in (slow if cycle % every == every - 1 else [CHARGE, DISCHARGE])
    ]


def rate_map(rng: np.random.Generator) -> list[Step]:
    steps: list[Step] = []
    for _ in range(8):
        steps += [("charge", 0.5, 0.05, 4.1), ("discharge", 0.5, 0.5, 2.8)] * 60
        for rate in (0.1, 1.0, 2.0, 4.0):
            steps += [("charge", 0.2, 0.05, 4.1), ("discharge", rate, rate, 2.8)]
    return steps


def four_windows_in_turn(rng: np.random.Generator) -> list[Step]:
    """Not in the bench: the window changes every cycle."""
    windows = [(4.2, 3.0), (4.1, 3.2), (4.0, 3.4), (3.9, 3.6)]
    return [
        step
        for cycle in range(500)
        for step in (
            ("charge", 1.0, 1.0, windows[cycle % 4][0]),
            ("discharge", 1.0, 1.0, windows[cycle % 4][1]),
        )
    ]


def fast_charge_stages(rng: np.random.Generator) -> list[Step]:
    """Not in the bench: the rate of charge is raised every hundred cycles."""
    return [
        step
        for rate in (0.5, 0.8, 1.2, 1.8, 2.7)
        for step in [("charge", rate, 0.05, 4.15), ("discharge", 0.33, 0.33, 2.7)] * 100
    ]


def formation_then_storage(rng: np.random.Generator) -> list[Step]:
    """Not in the bench: few cycles of many kinds, then one kind for long."""
    steps: list[Step] = []
    for rate in (0.02, 0.05, 0.1, 0.3):
        steps += [("charge", rate, rate, 4.3), ("discharge", rate, rate, 2.5)] * 3
    return steps + [("charge", 0.3, 0.03, 3.8), ("discharge", 0.3, 0.3, 2.9)] * 300


FAMILIES: list[Callable[[np.random.Generator], list[Step]]] = [
    with_checkups,
    rate_map,
    four_windows_in_turn,
    fast_charge_stages,
    formation_then_storage,
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize("noise", [0.005, 0.01, 0.03])
def test_programs_are_found_again_in_noise(family, noise):
    scores, counts = [], []
    for seed in range(1000, 1003):
        steps = family(np.random.default_rng(seed))
        grouping = group(steps, noise, seed)
        scores.append(agreement(truth(steps), grouping.labels))
        counts.append(len(grouping.groups) / len(np.unique(truth(steps))))

    assert np.min(scores) >= 0.98
    assert np.mean(counts) <= 1.1


def test_the_bench_of_simulated_cells(real_data):
    path = real_data / "bench" / "grouping.csv.gz"
    if not path.is_file():
        pytest.skip(f"the grouping bench is absent: {path}")
    with gzip.open(path) as file:
        bench = pl.read_csv(file.read(), infer_schema_length=None, null_values=["nan"])
    scores, counts = [], []
    for cell in bench.partition_by("cell", maintain_order=True):
        grouping = group_half_cycles(
            constant_rate=cell["c_rate"].to_numpy(),
            end_rate=cell["end_c_rate"].to_numpy(),
            previous_end_rate=cell["previous_end_c_rate"].fill_null(np.nan).to_numpy(),
            end_voltage=cell["end_voltage"].to_numpy(),
            previous_end_voltage=cell["previous_end_voltage"].fill_null(np.nan).to_numpy(),
            polarity=cell["polarity"].to_numpy(),
        )
        known = cell["true_group"].to_numpy()
        scores.append(agreement(known, grouping.labels))
        counts.append(len(grouping.groups) / len(np.unique(known)))
        assert (grouping.labels >= 0).all()

    assert np.mean(scores) >= 0.98
    assert np.quantile(scores, 0.1) >= 0.95
    assert np.mean(counts) <= 1.1


def test_a_charge_to_4_20_volt_is_not_one_to_4_10_volt():
    steps = [CHARGE, DISCHARGE, ("charge", 1.0, 0.05, 4.1), DISCHARGE] * 40

    charges = group(steps).labels[::2]

    assert set(charges[::2]).isdisjoint(charges[1::2])


@pytest.mark.parametrize("cycles", [1, 2, 3, 10])
def test_ten_cycles_or_fewer_are_grouped(cycles):
    grouping = group([CHARGE, DISCHARGE] * cycles)

    assert len(grouping.groups) == 2
    assert (grouping.labels >= 0).all()
    assert not any(each.irregular for each in grouping.groups)


def test_a_cut_off_at_c_over_250_is_grouped():
    steps = [("charge", 0.5, 0.004, 4.2), ("discharge", 0.5, 0.5, 3.0)] * 50

    grouping = group(steps)

    assert len(grouping.groups) == 2
    assert grouping.groups[0].centre["end_rate"] == pytest.approx(0.004, rel=0.05)


def test_the_first_half_cycle_of_a_cell_belongs_to_a_group():
    grouping = group([CHARGE, DISCHARGE] * 30)

    assert grouping.labels[0] == grouping.labels[2]


def test_what_came_before_tells_two_alike_half_cycles_apart():
    slow = ("discharge", 0.05, 0.05, 3.0)
    steps = [CHARGE, DISCHARGE, CHARGE, slow] * 30

    labels = group(steps).labels

    assert labels[4] != labels[2]
    assert len(set(labels)) == 4


def test_an_end_rate_that_drifts_is_one_program():
    """A voltage hold of fixed length ends at a current that grows with age."""
    steps = [
        step
        for cycle in range(400)
        for step in (("charge", 1.0, 0.05 * 3 ** (cycle / 400), 4.2), DISCHARGE)
    ]

    assert len(group(steps, noise=0.005).groups) == 2


def test_an_interrupted_half_cycle_is_irregular_and_leaves_the_others_alone():
    steps = [CHARGE, DISCHARGE] * 60
    steps[61] = ("discharge", 1.0, 1.0, 3.61)

    grouping = group(steps)

    assert grouping.groups[grouping.labels[61]].irregular
    assert grouping.labels[59] == grouping.labels[63]
    assert not grouping.groups[grouping.labels[59]].irregular


def test_every_half_cycle_is_in_one_group_and_its_box_holds_it():
    steps = rate_map(np.random.default_rng(5))
    data = measured(steps, 0.02, 5)

    grouping = group_half_cycles(**data)

    assert sum(each.size for each in grouping.groups) == len(steps)
    for index, each in enumerate(grouping.groups):
        members = grouping.labels == index
        assert members.sum() == each.size
        for name, (low, high) in each.box.items():
            values = data[name][members]
            values = values[np.isfinite(values)]
            assert (low, high) == (values.min(), values.max())


def test_numbers_count_from_the_largest_group_of_each_polarity():
    grouping = group(with_checkups(np.random.default_rng(2)))

    for polarity in ("charge", "discharge"):
        groups = [each for each in grouping.groups if each.polarity == polarity]
        assert [each.number for each in groups] == list(range(1, len(groups) + 1))
        sizes = [each.size for each in groups]
        assert sizes == sorted(sizes, reverse=True)


def test_the_same_input_gives_the_same_groups():
    steps = rate_map(np.random.default_rng(3))

    assert (group(steps, seed=4).labels == group(steps, seed=4).labels).all()


def test_without_a_theoretical_capacity_voltages_still_group():
    data = measured([CHARGE, DISCHARGE, ("charge", 1.0, 0.05, 3.9), DISCHARGE] * 20, 0.01, 0)
    unknown = np.full(len(data["polarity"]), np.nan)
    data |= {"constant_rate": unknown, "end_rate": unknown, "previous_end_rate": unknown}

    grouping = group_half_cycles(**data)

    assert (grouping.labels >= 0).all()
    assert grouping.labels[0] != grouping.labels[2]
    assert "constant_rate" not in grouping.groups[0].centre


def test_no_half_cycle_is_no_group():
    grouping = group_half_cycles(
        **{name: values[:0] for name, values in measured([CHARGE], 0.01, 0).items()}
    )

    assert grouping.groups == ()
    assert len(grouping.labels) == 0


def test_three_cycles_each_of_two_programs_are_told_apart_in_noise_of_three_percent():
    """Scores of single seeds scatter, so the mean over sixty counts."""
    slow = [("charge", 0.05, 0.02, 4.3), ("discharge", 0.05, 0.05, 2.8)] * 3
    steps = [*slow, *[("charge", 0.5, 0.05, 4.3), ("discharge", 0.5, 0.5, 2.8)] * 3]

    scores = [agreement(truth(steps), group(steps, 0.03, seed).labels) for seed in range(60)]

    assert np.mean(scores) >= 0.93


def test_few_cycles_of_close_rates_stay_two_programs():
    """C/3 and 1.14 times C/3, three cycles each, as a good instrument measures them."""
    steps = [
        step
        for rate in (1 / 3, 1.14 / 3)
        for step in [("charge", rate, 0.03, 4.2), ("discharge", 1 / 3, 1 / 3, 3.0)] * 3
    ]

    labels = [group(steps, 0.005, seed).labels for seed in range(20)]

    assert all(found[2] != found[8] for found in labels)
