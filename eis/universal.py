"""One vector for all named circuits, so that one network can serve them (thesis 3.6).

The universal circuit has every element that a named circuit can have; switches say which
are there. A named circuit uses some of its 17 numbers: the diffusion CPE keeps its place
whether it is in series or in the resistive branch of the slowest ZARC.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.spectra import FloatArray
from eis.batches import Batch
from eis.circuits import NAMED_CIRCUITS, Circuit
from eis.coordinates import coordinates_of, prior_of

UNIVERSAL = NAMED_CIRCUITS["thesis"]
SWITCHES = ("La0", "LZARC0", "nested", "ZARC2", "ZARC3")
MEASURED = 10  # features of a point beside the switches
WHOLE = 6  # features of a spectrum beside the guess and the switches
POINT_FEATURES = MEASURED + len(SWITCHES)
GLOBAL_FEATURES = len(UNIVERSAL) + len(SWITCHES) + WHOLE
LARGEST_FEATURE = 8.0
LARGEST_COORDINATE = 25.0  # e^25 times the spectrum is as good as open, or as none


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a circuit's parameters stand in the universal vector, and its switches."""

    columns: NDArray[np.intp]
    switches: FloatArray


NAMED_TEXTS = frozenset(named.text for named in NAMED_CIRCUITS.values())


@lru_cache(maxsize=64)
def place_of(circuit: Circuit) -> Place:
    """The place of a named circuit; ValueError for any other (see ``NAMED_TEXTS``)."""
    if circuit.text not in NAMED_TEXTS:
        raise ValueError(f"{circuit} is not one of the named circuits")
    renamed = {"ZARCW1_Q": "CPE0_Q", "ZARCW1_phi_d": "CPE0_phi"}
    names = [renamed.get(name, name.replace("ZARCW1", "ZARC1")) for name in circuit.parameter_names]
    there = {leaf.name for leaf in circuit.leaves}
    there |= {"nested"} if "ZARCW1" in there else set()
    return Place(
        columns=np.array([UNIVERSAL.parameter_names.index(name) for name in names]),
        switches=np.array([float(switch in there) for switch in SWITCHES]),
    )


def first_guess(circuit: Circuit, batch: Batch) -> FloatArray:
    """Coordinates (B, P) that the network corrects first: the mean of the prior (thesis 3.5.3)."""
    return prior_of(circuit, batch).mean.copy()


def corrected(circuit: Circuit, u: FloatArray, step: Any) -> FloatArray:
    """Coordinates (B, P) after a network's ``step`` (B, 17) from ``u`` (B, P)."""
    moved = u + np.asarray(step, dtype=np.float64)[:, place_of(circuit).columns]
    inside: FloatArray = np.clip(moved, -LARGEST_COORDINATE, LARGEST_COORDINATE)
    return np.where(np.isfinite(inside), inside, u)


def network_inputs(
    circuit: Circuit, u: FloatArray, batch: Batch
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What a network sees: points (B, F, POINT_FEATURES), whole (B, GLOBAL_FEATURES), mask (B, F).

    ``u`` (B, P) are coordinates of the guess to correct. A point shows its log frequency,
    its place in the window (-1 to 1), its impedance on two scales, what the guess leaves of
    it, and the switches. What is left is seen over its own size, so that the second
    correction sees as much as the first; the size itself is told of the spectrum as a whole.
    """
    place, Z, weight = place_of(circuit), batch.impedance, batch.weight
    omega = np.exp(batch.log_omega)
    guessed = circuit.impedance(coordinates_of(circuit).parameters(u, batch), omega / (2 * np.pi))
    real = (Z.real - guessed.real) / batch.spread[:, :1]
    imaginary = (Z.imag - guessed.imag) / batch.spread[:, 1:]
    square = ((real**2 + imaginary**2) * weight).sum(axis=1) / (2 * batch.points)
    size = np.sqrt(np.clip(np.nan_to_num(square, nan=1e6), 1e-8, 1e6))[:, None]
    mean = (Z.real * weight).sum(axis=1, keepdims=True) / batch.points[:, None]
    middle, reach = (batch.high + batch.low)[:, None] / 2, (batch.high - batch.low)[:, None] / 2
    B, F = omega.shape
    points = np.empty((B, F, POINT_FEATURES), dtype=np.float32)
    features = (
        batch.log_omega / 4,
        (batch.log_omega - middle) / np.maximum(reach, 1e-6),
        np.arcsinh(Z.real - 1),  # large values as logarithms: a tail drowns no arc
        np.arcsinh(Z.imag),
        (Z.real - mean) / batch.spread[:, :1],
        Z.imag / batch.spread[:, 1:],
        np.log(np.abs(Z) + 1e-3),
        np.angle(Z),
        np.arcsinh(np.nan_to_num(real / size)),
        np.arcsinh(np.nan_to_num(imaginary / size)),
    )
    for index, feature in enumerate(features):
        points[..., index] = feature
    np.clip(points, -LARGEST_FEATURE, LARGEST_FEATURE, out=points)
    points[..., MEASURED:] = place.switches
    points *= weight[..., None].astype(np.float32)
    whole = np.zeros((B, GLOBAL_FEATURES), dtype=np.float32)
    whole[:, place.columns] = u / 4
    whole[:, len(UNIVERSAL) : -WHOLE] = place.switches
    of_all = (batch.low / 8, batch.high / 8, np.log(batch.points) - 3.8, np.log(size[:, 0]) / 2)
    whole[:, -WHOLE:] = np.column_stack([*of_all, np.log(batch.spread)])
    return points, whole, weight.astype(np.float32)
