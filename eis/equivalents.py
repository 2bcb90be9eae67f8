"""Other circuits that give the very spectrum of a fitted one, by the forms of both.

A series resistor with pairs p(R,C), and a capacitor or none, as a ladder, and back; one
pair as the other circuit of Figure 2.1 of the thesis, and back; ZARCs as p(R,CPE), and back.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from battery_db.lib.spectra import FloatArray
from eis.circuits import Branches, Circuit, Leaf, Node, parse_circuit, resistor_beside
from eis.conversions import (
    Ladder,
    NotConvertible,
    Voigt,
    bridged_to_series,
    cpe_to_zarc,
    ladder_to_voigt,
    series_to_bridged,
    voigt_to_ladder,
    zarc_to_cpe,
)

Values = Mapping[str, float]
Converted = tuple[Circuit, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Equivalent:
    """A circuit with the same spectrum: ``parameters`` (P,) in its own order and units.

    Where the numbers do not let it be, ``circuit`` is None and ``limit`` says why.
    """

    title: str
    circuit: Circuit | None = None
    parameters: FloatArray | None = None
    limit: str = ""

    def rows(self) -> list[tuple[str, str, float]]:
        """Name, unit and value of each parameter."""
        if self.circuit is None or self.parameters is None:
            return []
        values = map(float, self.parameters)
        return list(
            zip(self.circuit.parameter_names, self.circuit.parameter_units, values, strict=True)
        )


def equivalents(circuit: Circuit, values: Values) -> list[Equivalent]:
    """What ``circuit`` with ``values`` by parameter name can be written as; often nothing."""
    return [_tried(title, convert) for title, convert in _forms(circuit.root, values)]


def _tried(title: str, convert: Callable[[], Converted]) -> Equivalent:
    try:
        circuit, parameters = convert()
    except NotConvertible as error:
        return Equivalent(title, limit=str(error))
    if not np.isfinite(parameters).all():
        return Equivalent(title, limit="The numbers are too far apart to be converted.")
    return Equivalent(title, circuit, parameters)


def _forms(root: Node, values: Values) -> Iterator[tuple[str, Callable[[], Converted]]]:
    voigt, ladder = _voigt(root, values), _ladder(root, values)
    if voigt is not None and len(voigt.resistance_ohm) == 1 and voigt.series_capacitance_f is None:
        yield "bridged", partial(_bridged, voigt)
    elif voigt is not None:
        yield "ladder", partial(_to_ladder, voigt)
    elif ladder is not None:
        yield "Voigt circuit", partial(_to_voigt, ladder)
    bridge = _bridge(root)
    if bridge is not None:
        yield "series", partial(_series, [values[name] for name in bridge])
    leaves = list(_leaves(root))
    if any(leaf.element.symbol == "ZARC" for leaf in leaves):
        yield "with constant phase elements", partial(_rewritten, root, values, _without_zarc)
    if any(resistor_beside(node, "CPE") for node in _nodes(root)):
        yield "with ZARCs", partial(_rewritten, root, values, _with_zarc)


def _to_ladder(voigt: Voigt) -> Converted:
    ladder = voigt_to_ladder(voigt)
    return ladder.circuit, ladder.parameters


def _to_voigt(ladder: Ladder) -> Converted:
    voigt = ladder_to_voigt(ladder)
    return voigt.circuit, voigt.parameters


def _bridged(voigt: Voigt) -> Converted:
    pair = float(voigt.resistance_ohm[0]), float(voigt.capacitance_f[0])
    return parse_circuit("p(R1,R2-C1)"), np.array(series_to_bridged(voigt.series_ohm, *pair))


def _series(numbers: list[float]) -> Converted:
    return parse_circuit("R0-p(R1,C1)"), np.array(bridged_to_series(*numbers))


def _voigt(root: Node, values: Values) -> Voigt | None:
    """One resistor, pairs p(R,C) and at most one capacitor in series; nothing else."""
    if isinstance(root, Leaf) or root.parallel:
        return None
    pairs = [pair for part in root.parts if (pair := resistor_beside(part, "C"))]
    alone = [part for part in root.parts if isinstance(part, Leaf)]
    resistors, capacitors = (_of(alone, symbol) for symbol in ("R", "C"))
    known = len(pairs) + len(resistors) + len(capacitors)
    if known < len(root.parts) or not pairs or len(resistors) != 1 or len(capacitors) > 1:
        return None
    return Voigt(
        values[resistors[0].name],
        np.array([values[resistor.name] for resistor, _ in pairs]),
        np.array([values[capacitor.name] for _, capacitor in pairs]),
        values[capacitors[0].name] if capacitors else None,
    )


def _ladder(root: Node, values: Values) -> Ladder | None:
    """``R0-p(C1,R1-p(C2,R2))``, or with a capacitor alone at the end."""
    split = _resistor_and_rest(root)
    rungs = _rungs(split[1]) if split and isinstance(split[1], Branches) else None
    if split is None or rungs is None:
        return None
    resistors, capacitors = (
        np.array([values[leaf.name] for leaf in rungs if leaf.element.symbol == symbol])
        for symbol in ("R", "C")
    )
    return Ladder(values[split[0].name], resistors, capacitors)


def _rungs(node: Node) -> list[Leaf] | None:
    """Capacitors and resistors of a ladder from outside in; None where it is none."""
    if isinstance(node, Leaf):
        return [node] if node.element.symbol == "C" else None
    capacitors = _of(node.parts, "C")
    if not node.parallel or len(node.parts) != 2 or len(capacitors) != 1:
        return None
    (inside,) = (part for part in node.parts if part is not capacitors[0])
    if isinstance(inside, Leaf):
        return [capacitors[0], inside] if inside.element.symbol == "R" else None
    split = _resistor_and_rest(inside)
    deeper = _rungs(split[1]) if split else None
    return [capacitors[0], split[0], *deeper] if split and deeper else None


def _resistor_and_rest(node: Node) -> tuple[Leaf, Node] | None:
    """The two parts of a resistor in series with something."""
    if isinstance(node, Leaf) or node.parallel or len(node.parts) != 2:
        return None
    resistors = _of(node.parts, "R")
    if len(resistors) != 1:
        return None
    (rest,) = (part for part in node.parts if part is not resistors[0])
    return resistors[0], rest


def _bridge(root: Node) -> tuple[str, str, str] | None:
    """The names in ``p(R1,R2-C)``."""
    if isinstance(root, Leaf) or not root.parallel or len(root.parts) != 2:
        return None
    outer = _of(root.parts, "R")
    inner = [split for part in root.parts if (split := _resistor_and_rest(part))]
    if len(outer) != 1 or len(inner) != 1:
        return None
    resistor, rest = inner[0]
    if not isinstance(rest, Leaf) or rest.element.symbol != "C":
        return None
    return outer[0].name, resistor.name, rest.name


Rewrite = Callable[[Node, Values, set[str]], tuple[str, list[float]] | None]


def _rewritten(root: Node, values: Values, rewrite: Rewrite) -> Converted:
    """The circuit with each node replaced for which ``rewrite`` gives text and numbers."""
    taken = {leaf.name for leaf in _leaves(root)}

    def walk(node: Node) -> tuple[str, list[float]]:
        new = rewrite(node, values, taken)
        if new is not None:
            return new
        if isinstance(node, Leaf):
            names = Circuit(Leaf(node.name, node.element, 0)).parameter_names
            return node.name, [values[name] for name in names]
        parts = [walk(part) for part in node.parts]
        texts = [text for text, _ in parts]
        numbers = [number for _, some in parts for number in some]
        return (f"p({','.join(texts)})" if node.parallel else "-".join(texts)), numbers

    text, numbers = walk(root)
    return parse_circuit(text), np.array(numbers)


def _without_zarc(node: Node, values: Values, taken: set[str]) -> tuple[str, list[float]] | None:
    if not isinstance(node, Leaf) or node.element.symbol != "ZARC":
        return None
    numbers = [values[f"{node.name}_{name}"] for name in ("R", "fc", "phi")]
    _check(node.name, numbers)
    number = _free(taken, "R", "CPE")
    return f"p(R{number},CPE{number})", list(zarc_to_cpe(*numbers))


def _with_zarc(node: Node, values: Values, taken: set[str]) -> tuple[str, list[float]] | None:
    pair = resistor_beside(node, "CPE")
    if pair is None:
        return None
    name = pair[1].name
    numbers = [values[pair[0].name], values[f"{name}_Q"], values[f"{name}_phi"]]
    _check(f"{pair[0].name} beside {name}", numbers)
    return f"ZARC{_free(taken, 'ZARC')}", list(cpe_to_zarc(*numbers))


def _check(name: str, numbers: list[float]) -> None:
    if min(numbers) <= 0:
        raise NotConvertible(
            f"{name} has a parameter that is not above zero.", fix="Leave it out of the circuit."
        )


def _free(taken: set[str], *symbols: str) -> int:
    """The first number that no element of ``symbols`` has, and takes it."""
    number = 1
    while any(f"{symbol}{number}" in taken for symbol in symbols):
        number += 1
    taken.update(f"{symbol}{number}" for symbol in symbols)
    return number


def _of(parts: "tuple[Node, ...] | list[Leaf]", symbol: str) -> list[Leaf]:
    return [part for part in parts if isinstance(part, Leaf) and part.element.symbol == symbol]


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Branches):
        for part in node.parts:
            yield from _nodes(part)


def _leaves(node: Node) -> Iterator[Leaf]:
    return (each for each in _nodes(node) if isinstance(each, Leaf))
