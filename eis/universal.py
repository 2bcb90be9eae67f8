"""One vector for all named circuits, so that one network can serve them (thesis 3.6).

The universal circuit has every element that a named circuit can have; switches say which
are there. A named circuit uses some of its 17 numbers: the diffusion CPE keeps its place
whether it is in series or in the resistive branch of the slowest ZARC.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.spectra import FloatArray
from eis.batches import Batch
from eis.circuits import NAMED_CIRCUITS, Circuit
from eis.coordinates import coordinates_of

UNIVERSAL = NAMED_CIRCUITS["thesis"]
SWITCHES = ("La0", "LZARC0", "nested", "ZARC2", "ZARC3")
POINT_FEATURES = 6 + len(SWITCHES)
GLOBAL_FEATURES = len(UNIVERSAL) + len(SWITCHES) + 3


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


def network_inputs(
    circuit: Circuit, base: FloatArray, batch: Batch
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What a network sees: points (B, F, POINT_FEATURES), whole (B, GLOBAL_FEATURES), mask (B, F).

    ``base`` (B, P) are coordinates of a classical guess, which the network corrects
    (thesis 3.5.3). A point shows its log frequency, its impedance, what the guess leaves
    of it, whether it is padding, and the switches.
    """
    place = place_of(circuit)
    coordinates = coordinates_of(circuit)
    omega = np.exp(batch.log_omega)
    guessed = circuit.impedance(coordinates.parameters(base, batch), omega / (2 * np.pi))
    left = batch.impedance - guessed
    B, F = omega.shape
    points = np.zeros((B, F, POINT_FEATURES), dtype=np.float32)
    points[..., 0] = batch.log_omega / 4
    points[..., 1] = _soft(batch.impedance.real - 1)
    points[..., 2] = _soft(batch.impedance.imag)
    points[..., 3] = _soft(left.real / batch.spread[:, :1])
    points[..., 4] = _soft(left.imag / batch.spread[:, 1:])
    points[..., 5] = 1
    points[..., 6:] = place.switches
    points *= batch.weight[..., None].astype(np.float32)
    whole = np.zeros((B, GLOBAL_FEATURES), dtype=np.float32)
    whole[:, place.columns] = base / 4
    whole[:, len(UNIVERSAL) : -3] = place.switches
    whole[:, -3:] = np.stack([batch.low / 8, batch.high / 8, np.log(batch.points) - 3.8], axis=1)
    return points, whole, batch.weight.astype(np.float32)


def _soft(values: FloatArray) -> FloatArray:
    """Large values as logarithms, so that a tail does not drown an arc."""
    soft: FloatArray = np.arcsinh(values)
    return soft
