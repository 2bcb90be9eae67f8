"""What cycling made of a file: a panel on the file's page, a page per test, a work list."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from cycling import formats, plots
from cycling.models import CyclingTest
from cycling.services import contents, records
from cycling.views.cells import window

HALF_CYCLES_PER_PAGE = 50


@requires(Permission.VIEW)
def file_panel(request: HttpRequest, file_id: int) -> HttpResponse:
    """Fragment for a file's page: imported, failed and why, or not for cycling."""
    test = CyclingTest.objects.filter(file_id=file_id).first()
    return render(
        request,
        "cycling/file_panel.html",
        {
            "test": test,
            "file_id": file_id,
            "formats": formats.FORMATS,
            "looks_like": "" if test else contents.looks_like(file_id),
        },
    )


@requires(Permission.VIEW)
def test(request: HttpRequest, test_id: int) -> HttpResponse:
    """One file's data: where it came from, what was found, its half-cycles."""
    shown = get_object_or_404(
        CyclingTest.objects.select_related("file__folder", "file__metadata"), pk=test_id
    )
    half_cycles = shown.half_cycles.with_cycle().select_related("group").order_by("ordinal")
    page = Paginator(half_cycles, HALF_CYCLES_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "cycling/test.html", {"test": shown, "page": page})


@requires(Permission.VIEW)
def test_figure(request: HttpRequest, test_id: int) -> JsonResponse:
    """Voltage and current of a test against time, thinned for the screen; ``?from=&to=`` (h)."""
    span = window(request)
    shown = get_object_or_404(CyclingTest.objects.exclude(series_name=""), pk=test_id)
    try:
        record = records.record_of_test(shown, span and (span[0] * 3600, span[1] * 3600))
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix}, status=409)
    return JsonResponse(plots.zoomable(plots.overview(*record)))
