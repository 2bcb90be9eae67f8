"""Which circuit the lab fits, and circuits by name or by notation."""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from battery_db.lib.errors import LabError
from eis.circuits import NAMED_CIRCUITS, Circuit, CircuitError, parse_circuit
from eis.models import CircuitFit, LabCircuit
from eis.selection import FAMILY

TITLES = {circuit.text: name for name, circuit in reversed(NAMED_CIRCUITS.items())}
NAME = re.compile(r"[a-z][a-z0-9-]{1,59}")
MOST_LISTED = 200
MOST_COMPARED = 30
FAMILIES: Mapping[str, str] = {
    "arcs": "1 to 3 ZARCs",
    "nested": "1 to 3 ZARCs, diffusion nested",
    "original": "all 24 of EISFitting",
    "lab": "the lab's own circuits",
}


def circuit_of(text: str) -> Circuit:
    """A named circuit, or one in the field's notation. CircuitError says where it is wrong."""
    named = NAMED_CIRCUITS.get(text.strip())
    return named if named is not None else parse_circuit(text)


def chosen_circuit(text: str) -> Circuit:
    """The same, or a circuit that the lab has named."""
    try:
        return circuit_of(text)
    except CircuitError:
        own = LabCircuit.objects.filter(name=text.strip()).first()
        if own is None:
            raise
        return parse_circuit(own.text)


def lab_circuit() -> Circuit:
    """What is fitted where nobody chose a circuit for a spectrum."""
    return circuit_of(settings.EIS_CIRCUIT)


def title_of(text: str) -> str:
    """The name of a circuit where it has one, else its notation."""
    return TITLES.get(text, text)


def all_titles() -> dict[str, str]:
    """Text -> name of every circuit that has one, the lab's own too (one query)."""
    return {**own_circuits(), **TITLES}


def own_circuits() -> dict[str, str]:
    """Text -> name of the lab's own circuits."""
    return dict(LabCircuit.objects.values_list("text", "name")[:MOST_LISTED])


def save_circuit(name: str, text: str, *, note: str = "", by: Any = None) -> LabCircuit:
    """Name a composed circuit, so that it can be chosen like those that are built in."""
    name, circuit = name.strip(), circuit_of(text)
    if not NAME.fullmatch(name):
        raise LabError(
            f"{name[:60]!r} can not be the name of a circuit.",
            fix="Use small letters, digits and hyphens, a letter first: sym-cell-2.",
        )
    if name in NAMED_CIRCUITS or _can_be_read(name):
        raise LabError(f"{name!r} is a circuit already.", fix="Choose another name.")
    try:
        with transaction.atomic():
            return LabCircuit.objects.create(
                name=name, text=circuit.text, note=note.strip()[:300], made_by=by
            )
    except IntegrityError:
        raise LabError(f"There is a circuit called {name!r}.", fix="Choose another name.") from None


def delete_circuit(circuit: LabCircuit) -> None:
    """Forget the name; spectra and fits keep the circuit itself."""
    circuit.delete()


def family_of(name: str) -> dict[str, Circuit]:
    """The circuits of one of ``FAMILIES``, by name; LabError where there is none."""
    if name == "arcs":
        return {title_of(circuit.text): circuit for circuit in FAMILY}
    if name == "nested":
        return {key: c for key, c in NAMED_CIRCUITS.items() if key.endswith("-l-lzarc-nested")}
    if name == "original":
        return {key: circuit for key, circuit in NAMED_CIRCUITS.items() if key != "thesis"}
    if name == "lab":
        own = {title: parse_circuit(text) for text, title in own_circuits().items()}
        if own:
            return dict(list(own.items())[:MOST_COMPARED])
        raise LabError("The lab has named no circuit yet.", fix="Compose one on the circuits page.")
    raise LabError(f"There is no family {name[:40]!r}.", fix=f"Choose from {', '.join(FAMILIES)}.")


def fitted_circuits() -> list[str]:
    """Texts of the circuits that fits in use have."""
    texts = CircuitFit.objects.filter(is_chosen=True).values_list("circuit", flat=True)
    return list(texts.distinct().order_by("circuit")[:MOST_LISTED])


def _can_be_read(text: str) -> bool:
    try:
        circuit_of(text)
    except CircuitError:
        return False
    return True
