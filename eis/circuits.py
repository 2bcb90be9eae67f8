"""Equivalent circuits: parsed from the field's notation, printed back, evaluated.

``R0-p(R1,CPE1)-Wo1`` is a resistor, a resistor beside a constant phase element, and an
open Warburg element, in series; ``p(…)`` puts its branches in parallel, and each branch
is a circuit. The notation is that of impedance.py; nothing is evaluated as code.

>>> circuit = parse_circuit("R0-p(R1,C1)")
>>> circuit.parameter_names
('R0', 'R1', 'C1')
>>> circuit.impedance(np.array([1.0, 10.0, 1e-3]), np.array([15.915494])).round(3)
array([6.-5.j])
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import LabError
from eis.elements import ELEMENTS, TURN, Element, Parameter

TOKEN = re.compile(r"p\(|[(),-]|[A-Za-z]+\d*")
NAME = re.compile(r"([A-Za-z]+?)(\d*)$")
MOST_ELEMENTS = 30
MOST_LEVELS = 10


class CircuitError(LabError):
    """A circuit can not be read as it is written."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One element of a circuit and where its parameters begin."""

    name: str
    element: Element
    start: int

    @property
    def columns(self) -> slice:
        return slice(self.start, self.start + len(self.element.parameters))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Branches:
    """Parts in series, or beside each other."""

    parts: "tuple[Node, ...]"
    parallel: bool

    def __str__(self) -> str:
        texts = [str(part) for part in self.parts]
        return f"p({','.join(texts)})" if self.parallel else "-".join(texts)


Node = Leaf | Branches


def resistor_beside(node: Node, *symbols: str) -> tuple[Leaf, Leaf] | None:
    """The resistor and the element of ``symbols`` that alone stand beside each other."""
    if isinstance(node, Leaf) or not node.parallel or len(node.parts) != 2:
        return None
    leaves = {part.element.symbol: part for part in node.parts if isinstance(part, Leaf)}
    others = [leaf for symbol, leaf in leaves.items() if symbol in symbols]
    return (leaves["R"], others[0]) if "R" in leaves and others else None


@dataclass(frozen=True)
class Circuit:
    """A circuit: a tree of elements, and the flat vector of their parameters."""

    root: Node

    @cached_property
    def text(self) -> str:
        """The circuit in the notation that ``parse_circuit`` reads."""
        return str(self.root)

    def __str__(self) -> str:
        return self.text

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(_leaves(self.root))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(p for leaf in self.leaves for p in leaf.element.parameters)

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """``R0`` for an element of one number, ``ZARC1_fc`` for one of several."""
        return tuple(
            leaf.name if len(leaf.element.parameters) == 1 else f"{leaf.name}_{parameter.name}"
            for leaf in self.leaves
            for parameter in leaf.element.parameters
        )

    @cached_property
    def parameter_units(self) -> tuple[str, ...]:
        return tuple(parameter.unit for parameter in self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def impedance(self, parameters: Any, frequency_hz: Any) -> Any:
        """Impedance (…, F) in ohm of ``parameters`` (…, P) at ``frequency_hz`` (…, F).

        NumPy arrays and torch tensors alike; leading dimensions broadcast.
        """
        return _impedance(self.root, TURN * frequency_hz, parameters)

    def slopes(
        self, parameters: NDArray[np.float64], log_omega: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Impedance (B, F) and its derivatives (B, P, F), for ``parameters`` (B, P).

        Derivatives are by the logarithm of positive parameters and by fractions
        themselves; ``log_omega`` (B, F) is the natural logarithm of angular frequency.
        """
        B, F = log_omega.shape
        slopes = np.empty((B, len(self), F), dtype=np.complex128)
        omega = np.exp(log_omega)
        impedance = _fill_slopes(self.root, omega, log_omega, parameters, slopes)
        return impedance, slopes

    def shifted(self, parameters: Any, *, scale: Any, shift: Any) -> NDArray[np.float64]:
        """Parameters (…, P) of the spectrum times exp(``scale``) at frequencies times exp(``shift``).

        Exact symmetries of every element (thesis 2.5, Figure 2.8), so a fit of the moved
        spectrum is a fit of the first one moved. ``scale`` and ``shift`` are (…,).
        """
        values = np.array(parameters, dtype=np.float64)
        moved = values.copy()
        for leaf in self.leaves:
            for index, parameter in enumerate(leaf.element.parameters):
                power: Any = parameter.shift
                if parameter.shift_by_fraction is not None:
                    power = power * values[..., leaf.start + parameter.shift_by_fraction]
                moved[..., leaf.start + index] *= np.exp(parameter.scale * scale + power * shift)
        return moved

    def series_leaves(self, symbol: str) -> tuple[Leaf, ...]:
        """Elements of one kind in the main series chain, in order."""
        return tuple(leaf for leaf in self.chain if leaf.element.symbol == symbol)

    @cached_property
    def chain(self) -> tuple[Leaf, ...]:
        """Elements that the whole current passes."""
        root = self.root
        parts = root.parts if isinstance(root, Branches) and not root.parallel else (root,)
        return tuple(part for part in parts if isinstance(part, Leaf))


def parse_circuit(text: str) -> Circuit:
    """The circuit that ``text`` writes; CircuitError says where it can not be read."""
    return Circuit(_Parser(text).circuit())


class _Parser:
    """Recursive descent over the tokens of a circuit's text."""

    def __init__(self, text: str) -> None:
        self.text = "".join(text.split())
        self.tokens = TOKEN.findall(self.text)
        if "".join(self.tokens) != self.text:
            odd = next(c for c in TOKEN.sub("", self.text) or self.text)
            raise self.error(f"the character {odd!r} has no meaning in a circuit")
        self.position = 0
        self.names: set[str] = set()
        self.size = 0

    def error(self, found: str) -> CircuitError:
        return CircuitError(
            f"The circuit {self.text[:80]!r} can not be read: {found}.",
            fix="Write elements with '-' in series and 'p(a,b)' in parallel, for example "
            f"R0-p(R1,CPE1)-Wo1. Elements: {', '.join(ELEMENTS)}.",
        )

    def circuit(self) -> Node:
        root = self.series(level=0)
        if self.position < len(self.tokens):
            raise self.error(f"{self.tokens[self.position]!r} comes where the circuit should end")
        return root

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def series(self, level: int) -> Node:
        parts = [self.part(level)]
        while self.peek() == "-":
            self.position += 1
            parts.append(self.part(level))
        return parts[0] if len(parts) == 1 else Branches(tuple(_flat(parts)), parallel=False)

    def part(self, level: int) -> Node:
        word = self.peek()
        self.position += 1
        if word.endswith("("):
            return self.parallel(level + 1)
        if not word or not word[0].isalpha():
            raise self.error(f"expected an element, found {word or 'the end'!r}")
        return self.leaf(word)

    def parallel(self, level: int) -> Node:
        if level > MOST_LEVELS:
            raise self.error(f"it is nested more than {MOST_LEVELS} levels deep")
        branches = [self.series(level)]
        while self.peek() == ",":
            self.position += 1
            branches.append(self.series(level))
        if self.peek() != ")":
            raise self.error(f"expected ',' or ')', found {self.peek() or 'the end'!r}")
        self.position += 1
        if len(branches) < 2:
            raise self.error("p(…) needs at least two branches")
        return Branches(tuple(branches), parallel=True)

    def leaf(self, name: str) -> Leaf:
        match = NAME.match(name)
        element = ELEMENTS.get(match[1]) if match else None
        if element is None:
            raise self.error(f"{name!r} is no element")
        if name in self.names:
            raise self.error(f"{name!r} is there twice; give each element a number of its own")
        self.names.add(name)
        if len(self.names) > MOST_ELEMENTS:
            raise self.error(f"it has more than {MOST_ELEMENTS} elements")
        leaf = Leaf(name, element, self.size)
        self.size += len(element.parameters)
        return leaf


def _flat(parts: list[Node]) -> Iterator[Node]:
    for part in parts:
        if isinstance(part, Branches) and not part.parallel:
            yield from part.parts
        else:
            yield part


def _leaves(node: Node) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    else:
        for part in node.parts:
            yield from _leaves(part)


def _impedance(node: Node, omega: Any, parameters: Any) -> Any:
    if isinstance(node, Leaf):
        columns = node.columns
        values = (parameters[..., i : i + 1] for i in range(columns.start, columns.stop))
        return node.element.impedance(omega, *values)
    parts = [_impedance(part, omega, parameters) for part in node.parts]
    if node.parallel:
        return 1 / sum(1 / part for part in parts)
    return sum(parts)


def _fill_slopes(node: Node, omega: Any, log_omega: Any, parameters: Any, slopes: Any) -> Any:
    """Impedance of ``node``; writes the slopes of its parameters into ``slopes``."""
    if isinstance(node, Leaf):
        columns = node.columns
        values = [parameters[:, i : i + 1] for i in range(columns.start, columns.stop)]
        impedance = node.element.impedance(omega, *values)
        for i, slope in enumerate(node.element.slopes(log_omega, impedance, *values), node.start):
            slopes[:, i] = slope
        return impedance
    parts = [_fill_slopes(part, omega, log_omega, parameters, slopes) for part in node.parts]
    if not node.parallel:
        return sum(parts)
    total = 1 / sum(1 / part for part in parts)
    for branch, part in zip(node.parts, parts, strict=True):
        inner = list(_leaves(branch))
        columns = slice(inner[0].columns.start, inner[-1].columns.stop)
        slopes[:, columns] *= ((total / part) ** 2)[:, None]
    return total


def named_circuits() -> dict[str, Circuit]:
    """The thesis circuit (Figure 2.5), and the 24 of the original EISFitting.

    Those are 1 to 3 ZARCs, with or without an inductance (``l``) and an inductive ZARC
    (``lzarc``), and with the diffusion CPE in series or in the resistive branch of the
    slowest ZARC (``nested``).
    """
    circuits = {"thesis": parse_circuit("R0-La0-LZARC0-ZARC1-ZARC2-ZARC3-CPE0")}
    choices = product((False, True), (1, 2, 3), ("", "La0"), ("", "LZARC0"))
    for nested, arcs, coil, coil_arc in choices:
        others = [f"ZARC{i}" for i in range(2, arcs + 1)]
        core = ["ZARCW1", *others] if nested else ["ZARC1", *others, "CPE0"]
        words = (
            f"zarc{arcs}",
            coil and "l",
            coil_arc and "lzarc",
            "nested" if nested else "series",
        )
        text = "-".join(part for part in ("R0", coil, coil_arc, *core) if part)
        circuits["-".join(word for word in words if word)] = parse_circuit(text)
    return circuits


NAMED_CIRCUITS = named_circuits()
