"""CPU seconds to group 20 000 half-cycles: ordinary cycling, and nothing but interruptions.

python -m benchmarks.bench_groups
"""

import time

import numpy as np

from cycling.groups import group_half_cycles


def ordinary(size: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    charge = np.arange(size) % 2 == 0
    checkup = (np.arange(size) // 2) % 100 == 0
    noise = np.exp(rng.normal(0, 0.01, size))
    rate = np.where(checkup, 0.05, 1.0) * noise
    end = np.where(charge, 0.05, rate) * np.exp(rng.normal(0, 0.01, size))
    volt = np.where(charge, 4.2, 3.0) + rng.normal(0, 0.002, size)
    return attributes(rate, end, volt, charge)


def interrupted(size: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    charge = np.arange(size) % 2 == 0
    rate = np.exp(rng.uniform(-3, 2, size))
    return attributes(rate, rate, rng.uniform(2.5, 4.3, size), charge)


def attributes(rate, end, volt, charge) -> dict[str, np.ndarray]:
    return {
        "constant_rate": rate,
        "end_rate": end,
        "previous_end_rate": np.concatenate([[np.nan], end[:-1]]),
        "end_voltage": volt,
        "previous_end_voltage": np.concatenate([[np.nan], volt[:-1]]),
        "polarity": np.where(charge, "charge", "discharge"),
    }


def main() -> None:
    for name, make in (("ordinary", ordinary), ("interrupted", interrupted)):
        data = make(20_000)
        start = time.process_time()
        grouping = group_half_cycles(**data)
        seconds = time.process_time() - start
        print(f"{name}: {seconds:.2f} CPU s, {len(grouping.groups)} groups")


if __name__ == "__main__":
    main()
