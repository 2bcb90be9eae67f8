"""The arcs of a fitted circuit, as a person reads them: time constant and capacitance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from eis.circuits import Circuit, Leaf, Node, resistor_beside
from eis.conversions import cpe_to_zarc


@dataclass(frozen=True, slots=True)
class Arc:
    """One arc of a fitted circuit.

    ``time_constant_s`` is 1 / (2π fc); ``capacitance_f`` is that of the capacitor which
    beside the resistor has the same time constant, τ / R (Hsu and Mansfeld, Corrosion 57
    (2001) 747).
    """

    name: str
    resistance_ohm: float
    frequency_hz: float
    exponent: float
    time_constant_s: float
    capacitance_f: float


def arcs(circuit: Circuit, values: Mapping[str, float]) -> list[Arc]:
    """The arcs of ``circuit`` with ``values`` by parameter name, fastest first.

    Capacitive ZARCs, and a resistor beside a C or a CPE. One without resistance is none.
    """
    found = [
        _arc(name, *numbers)
        for name, numbers in _found(circuit.root, values)
        if all(np.isfinite(numbers)) and min(numbers) > 0
    ]
    return sorted(found, key=lambda arc: -arc.frequency_hz)


def _arc(name: str, resistance: float, frequency: float, exponent: float) -> Arc:
    time_constant = 1 / (2 * np.pi * frequency)
    return Arc(name, resistance, frequency, exponent, time_constant, time_constant / resistance)


Numbers = tuple[float, float, float]


def _found(node: Node, values: Mapping[str, float]) -> Iterator[tuple[str, Numbers]]:
    if isinstance(node, Leaf):
        if node.element.symbol in ("ZARC", "ZARCW"):
            resistance, frequency = values[f"{node.name}_R"], values[f"{node.name}_fc"]
            yield node.name, (resistance, frequency, values[f"{node.name}_phi"])
        return
    pair = resistor_beside(node, "C", "CPE")
    if pair is None:
        for part in node.parts:
            yield from _found(part, values)
        return
    resistor, other = pair
    if other.element.symbol == "C":
        capacity, exponent = values[other.name], 1.0
    else:
        capacity, exponent = values[f"{other.name}_Q"], values[f"{other.name}_phi"]
    numbers = (values[resistor.name], capacity, exponent)
    if all(np.isfinite(numbers)) and min(numbers) > 0:
        yield f"{resistor.name}, {other.name}", cpe_to_zarc(*numbers)
