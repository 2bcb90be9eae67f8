"""The page of circuits: those with a name, and one composed while it is drawn."""

import re
from typing import Any

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from eis.circuit_svg import circuit_svg
from eis.circuits import NAMED_CIRCUITS, Circuit, parse_circuit
from eis.elements import ELEMENTS
from eis.models import CircuitFit, LabCircuit
from eis.services import circuits as services

EXAMPLE = "R0-p(R1,CPE1)-Wo1"


@requires(Permission.VIEW, POST=Permission.EDIT)
def circuits(request: HttpRequest) -> HttpResponse:
    """Compose a circuit and name it; below, the lab's own and those that are built in."""
    sent = {"name": "", "circuit": request.GET.get("circuit", EXAMPLE), "note": ""}
    if request.method == "POST":
        sent = {key: request.POST.get(key, "") for key in sent}
        try:
            made = services.save_circuit(
                sent["name"], sent["circuit"], note=sent["note"], by=request.user
            )
        except LabError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{made} can be chosen for any spectrum now.")
            return redirect(made)
    return render(
        request,
        "eis/circuits.html",
        {
            "sent": sent,
            "preview": preview_of(sent["circuit"]),
            "elements": list(ELEMENTS.values()),
            "own": _own(),
            "named": [_shown(name, circuit) for name, circuit in NAMED_CIRCUITS.items()],
            "lab_circuit": services.title_of(services.lab_circuit().text),
        },
    )


@requires(Permission.VIEW)
def preview(request: HttpRequest) -> HttpResponse:
    """Fragment: a circuit drawn as it is typed, or where it can not be read."""
    return render(request, "eis/_preview.html", {"preview": preview_of(_typed(request))})


@require_POST
@requires(Permission.CURATE)
def delete(request: HttpRequest, circuit_id: int) -> HttpResponse:
    """Forget the name of a circuit; spectra and fits keep the circuit."""
    circuit = get_object_or_404(LabCircuit, pk=circuit_id)
    services.delete_circuit(circuit)
    messages.success(request, f"{circuit} is no longer offered. Fits with it stay.")
    return redirect("eis:circuits")


def preview_of(text: str) -> dict[str, Any]:
    """A drawing and the parameters of a circuit, or what is wrong with it."""
    if not text.strip():
        return {}
    try:
        circuit = services.chosen_circuit(text[:300])
    except LabError as error:
        return {"error": error.message, "fix": error.fix}
    return _shown(services.title_of(circuit.text), circuit)


def _typed(request: HttpRequest) -> str:
    return request.GET.get("circuit", "")


def _shown(name: str, circuit: Circuit) -> dict[str, Any]:
    elements = {
        leaf.name: (
            leaf.element.title,
            [(p.name, p.unit or "0 to 1") for p in leaf.element.parameters],
        )
        for leaf in circuit.leaves
    }
    return {
        "name": name,
        "id": re.sub(r"\W+", "-", name),
        "text": circuit.text,
        "drawing": circuit_svg(circuit),
        "elements": elements,
        "count": len(circuit),
    }


def _own() -> list[dict[str, Any]]:
    fits = CircuitFit.objects.filter(is_chosen=True, circuit=OuterRef("text"))
    count = Subquery(fits.values("circuit").annotate(n=Count("pk")).values("n")[:1])
    rows = LabCircuit.objects.select_related("made_by").annotate(fits=count)
    return [
        {**_shown(row.name, parse_circuit(row.text)), "row": row}
        for row in rows[: services.MOST_LISTED]
    ]
