"""Which circuit the lab fits, and circuits by name or by notation."""

from django.conf import settings

from eis.circuits import NAMED_CIRCUITS, Circuit, parse_circuit

TITLES = {circuit.text: name for name, circuit in reversed(NAMED_CIRCUITS.items())}


def circuit_of(text: str) -> Circuit:
    """A named circuit, or one in the field's notation. CircuitError says where it is wrong."""
    named = NAMED_CIRCUITS.get(text.strip())
    return named if named is not None else parse_circuit(text)


def lab_circuit() -> Circuit:
    """What is fitted where nobody chose a circuit for a spectrum."""
    return circuit_of(settings.EIS_CIRCUIT)


def title_of(text: str) -> str:
    """The name of a circuit where it has one, else its notation."""
    return TITLES.get(text, text)
