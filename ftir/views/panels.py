"""Fragments that pages of cells and files load: compositions of a cell, a file's spectrum."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from battery_db.lib.permissions import Permission, requires
from ftir import plots
from ftir.models import InfraredSpectrum
from ftir.services import compositions


@requires(Permission.VIEW)
def cell_panel(request: HttpRequest, cell_id: int) -> HttpResponse:
    """Measured compositions of a cell's electrolyte beside what its recipe asks for."""
    found = compositions.of_cell(cell_id)
    context = {
        "cell_id": cell_id,
        "found": found,
        "names": [
            row["component"] for row in next((r.amounts for r in found.rows if r.amounts), [])
        ],
    }
    return render(request, "ftir/cell_panel.html", context)


@requires(Permission.VIEW)
def cell_figure(request: HttpRequest, cell_id: int) -> JsonResponse:
    found = compositions.of_cell(cell_id)
    rows = [row for row in found.rows if row.amounts]
    cycles = [row.spectrum.file.metadata.start_cycle for row in rows if row.spectrum.file]
    counted = bool(cycles) and all(cycle is not None for cycle in cycles)
    points = [
        (float(cycle) if counted and cycle is not None else float(number), row.amounts)
        for number, (cycle, row) in enumerate(zip(cycles, rows, strict=True), 1)
    ]
    axis = "Cycle number" if counted else "Spectrum, in order"
    return JsonResponse(plots.life(points, found.nominal, axis))


@requires(Permission.VIEW)
def file_panel(request: HttpRequest, file_id: int) -> HttpResponse:
    """What was read from an infrared file; nothing for files of other kinds."""
    spectrum = (
        InfraredSpectrum.objects.filter(file_id=file_id).prefetch_related("compositions").first()
    )
    return render(request, "ftir/file_panel.html", {"spectrum": spectrum})


@requires(Permission.VIEW)
def problems_panel(request: HttpRequest) -> HttpResponse:
    """Infrared files that could not be read."""
    failed = InfraredSpectrum.objects.filter(
        status=InfraredSpectrum.Status.FAILED, file__deprecated=False
    ).select_related("file__folder")
    page = Paginator(failed, 25).get_page(request.GET.get("page"))
    return render(request, "ftir/problems_panel.html", {"page": page})
