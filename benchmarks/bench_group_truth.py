"""Agreement of groups with the programs that made them, over fresh seeds.

PYTHONPATH=. python benchmarks/bench_group_truth.py [first seed] [seeds]

Programs here are of other kinds than those in the tests: a fleet that stops at any
state of charge, diagnostics between pulses, seasons of temperature, stages of fast
charge, calendar storage, cut-offs down to C/1000, cells of a few cycles. Noise, gain of each file, lost and
aborted half-cycles come on top.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from cycling.groups import group_half_cycles

Step = tuple[str, float, float, float]
Make = Callable[[np.random.Generator], list[Step]]
NOISES = (0.005, 0.01, 0.03)


def pair(rate: float, cut: float, top: float, out: float, bottom: float) -> list[Step]:
    """A charge held down to ``cut`` and a discharge."""
    return [("charge", rate, cut, top), ("discharge", out, out, bottom)]


def cut_offs(rng: np.random.Generator) -> list[Step]:
    """The hold of the charge is cut at C/20, C/100, C/333, C/1000 in turn of blocks."""
    cuts = rng.permutation([0.05, 0.01, 0.003, 0.001])
    return [s for cut in cuts for s in pair(0.5, cut, 4.2, 0.5, 3.0) * int(rng.integers(30, 80))]


def rare_checkups(rng: np.random.Generator) -> list[Step]:
    steps: list[Step] = []
    for _ in range(int(rng.integers(4, 8))):
        steps += pair(1.0, 0.05, 4.2, 1.0, 2.8) * 99 + pair(0.1, 0.02, 4.2, 0.1, 2.5)
    return steps


def diagnostics(rng: np.random.Generator) -> list[Step]:
    """C/3, C/2, 1C, 2C discharges after the same charge, every fifty cycles."""
    steps: list[Step] = []
    for _ in range(6):
        for out in (1 / 3, 0.5, 1.0, 2.0):
            steps += pair(1 / 3, 0.05, 4.2, out, 3.0)
        steps += pair(0.7, 0.1, 4.15, 0.7, 3.1) * 50
    return steps


def ageing_matrix(rng: np.random.Generator) -> list[Step]:
    """Upper cut-offs 4.05 to 4.2 V, raised in turn: 50 mV apart."""
    tops = rng.permutation([4.05, 4.1, 4.15, 4.2])
    return [s for top in tops for s in pair(1.0, 0.05, top, 1.0, 3.0) * 60]


def close_rates(rng: np.random.Generator) -> list[Step]:
    """C/3 and 1.14 times C/3 in blocks that alternate."""
    return [
        s
        for block in range(8)
        for s in pair(1 / 3 * (1.14 if block % 2 else 1.0), 0.03, 4.2, 1 / 3, 3.0) * 40
    ]


def drift(rng: np.random.Generator) -> list[Step]:
    """A hold of fixed time: its end rate grows threefold with age."""
    size = int(rng.integers(300, 700))
    return [s for k in range(size) for s in pair(1.0, 0.05 * 3 ** (k / size), 4.2, 1.0, 3.0)]


def few_cycles(rng: np.random.Generator) -> list[Step]:
    return pair(0.05, 0.02, 4.3, 0.05, 2.8) * 3 + pair(0.5, 0.05, 4.3, 0.5, 2.8) * 3


def few_voltages(rng: np.random.Generator) -> list[Step]:
    """Three cycles to 4.2 V, then three to 4.1 V."""
    return pair(0.5, 0.05, 4.2, 0.5, 3.0) * 3 + pair(0.5, 0.05, 4.1, 0.5, 3.0) * 3


def few_close_rates(rng: np.random.Generator) -> list[Step]:
    """Three cycles at C/3, then three at 1.14 times C/3: at 3 % noise nobody could tell."""
    return pair(1 / 3, 0.03, 4.2, 1 / 3, 3.0) * 3 + pair(0.38, 0.03, 4.2, 1 / 3, 3.0) * 3


def few_alike(rng: np.random.Generator) -> list[Step]:
    return pair(0.5, 0.05, 4.2, 0.5, 3.0) * 4


def storage(rng: np.random.Generator) -> list[Step]:
    """Charge to a storage voltage, rest for a month, check up."""
    level = float(rng.choice([3.7, 3.85, 4.0]))
    steps: list[Step] = pair(0.3, 0.03, 4.2, 0.3, 3.0) * 5
    for _ in range(20):
        steps += [("charge", 0.3, 0.03, level), ("discharge", 0.05, 0.05, 3.0)]
        steps += pair(0.3, 0.03, 4.2, 0.3, 3.0) * 2
    return steps


def stages(rng: np.random.Generator) -> list[Step]:
    rates = rng.choice([0.3, 0.5, 0.8, 1.2, 1.9, 3.0], 4, replace=False)
    return [s for rate in rates for s in pair(rate, 0.05, 4.1, 0.5, 2.9) * 70]


def symmetric(rng: np.random.Generator) -> list[Step]:
    """No hold at all, two depths of discharge 60 mV apart."""
    return [
        s
        for k in range(12)
        for s in pair(0.5, 0.5, 4.1, 0.5, 3.0 if k % 2 else 3.06) * int(rng.integers(15, 40))
    ]


FAMILIES: tuple[Make, ...] = (
    cut_offs, rare_checkups, diagnostics, ageing_matrix, close_rates,
    drift, few_cycles, few_voltages, few_close_rates, few_alike, storage, stages, symmetric,
)  # fmt: skip


def keys_of(steps: list[Step], is_drift: bool) -> np.ndarray:
    """Truth: what drove the half-cycle and where the one before ended."""

    def end(step: Step) -> tuple[float, float]:
        return (0.0 if is_drift and step[0] == "charge" else step[2], step[3])

    before = [end(steps[k - 1]) if k else end(steps[1]) for k in range(len(steps))]
    keys = [(s[0], s[1], *end(s), *b) for s, b in zip(steps, before, strict=True)]
    return np.unique([str(key) for key in keys], return_inverse=True)[1]


def measured(steps: list[Step], noise: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    size = len(steps)
    gain = np.repeat(np.exp(rng.normal(0, 0.003, size // 150 + 1)), 150)[:size]
    rate = np.array([s[1] for s in steps]) * gain * np.exp(rng.normal(0, noise, size))
    end = rate * [s[2] / s[1] for s in steps] * np.exp(rng.normal(0, noise / 3, size))
    volt = np.array([s[3] for s in steps]) + rng.normal(0, 0.002, size)
    return {
        "constant_rate": rate,
        "end_rate": end,
        "previous_end_rate": np.concatenate([[np.nan], end[:-1]]),
        "end_voltage": volt,
        "previous_end_voltage": np.concatenate([[np.nan], volt[:-1]]),
        "polarity": np.array([s[0] for s in steps]),
    }


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985)."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    together, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    expected = rows * columns / max(pairs(np.array([len(one)])), 1)
    highest = (rows + columns) / 2
    return 1.0 if highest == expected else (together - expected) / (highest - expected)


def rare_found(known: np.ndarray, labels: np.ndarray) -> list[bool]:
    """Of each program with 3 to 2 % of the half-cycles: is there a group with F1 >= 0.9?"""
    found = []
    for key in np.unique(known):
        members = known == key
        if not 3 <= members.sum() <= max(3, 0.02 * len(known)):
            continue
        best = max(
            2 * np.sum(members & (labels == g)) / (members.sum() + np.sum(labels == g))
            for g in np.unique(labels[members])
        )
        found.append(bool(best >= 0.9))
    return found


def main(first: int = 40_000, seeds: int = 4) -> None:
    print(f"{'family':16}{'ARI mean':>10}{'ARI min':>10}{'groups/true':>13}{'rare':>12}")
    scores, ratios, rares, spent, halves = [], [], [], 0.0, 0
    for family in FAMILIES:
        own, ratio, rare = [], [], []
        for seed in range(first, first + seeds):
            for noise in NOISES:
                rng = np.random.default_rng(seed)
                steps = family(rng)
                lost = rng.random(len(steps)) < 0.002
                data = {k: v[~lost] for k, v in measured(steps, noise, rng).items()}
                known = keys_of(steps, family is drift)[~lost]
                start = time.process_time()
                grouping = group_half_cycles(**data)
                spent += time.process_time() - start
                halves += len(known)
                own.append(agreement(known, grouping.labels))
                kept = [g for g in grouping.groups if not g.irregular]
                ratio.append(len(kept) / len(np.unique(known)))
                rare += rare_found(known, grouping.labels)
        scores += own
        ratios += ratio
        rares += rare
        print(
            f"{family.__name__:16}{np.mean(own):10.3f}{min(own):10.3f}{np.mean(ratio):13.2f}"
            f"{f'{sum(rare)}/{len(rare)}':>12}"
        )
    print(
        f"all: ARI mean {np.mean(scores):.3f}, p10 {np.quantile(scores, 0.1):.3f}; "
        f"groups over true {np.mean(ratios):.2f}; rare found {np.mean(rares):.1%}; "
        f"{20_000 * spent / halves:.2f} CPU s per 20 000 half-cycles"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
