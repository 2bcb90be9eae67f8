"""The cycling panel of a dataset's page: plot, CSV exports, snapshots."""

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from cells.models import Dataset, Snapshot
from cycling import plots
from cycling.models import DatasetExport
from cycling.quantities import QUANTITIES
from cycling.services import datasets as services

SHOWN = 5


@requires(Permission.VIEW)
def dataset_panel(request: HttpRequest, slug: str) -> HttpResponse:
    dataset = get_object_or_404(Dataset, slug=slug)
    quantity = QUANTITIES.get(request.GET.get("quantity", ""), QUANTITIES["discharge_capacity"])
    context = {
        "dataset": dataset,
        "filters": list(dataset.filters.all()),
        "filter": request.GET.get("filter", ""),
        "quantity": quantity,
        "quantities": QUANTITIES.values(),
        "formats": DatasetExport.Format.choices,
        "exports": list(dataset.exports.all()[:SHOWN]),
        "snapshots": list(dataset.snapshots.all()[:SHOWN]),
        "coverage": services.coverage(dataset),
    }
    return render(request, "cycling/dataset_panel.html", context)


@requires(Permission.VIEW)
def dataset_figure(request: HttpRequest, slug: str, quantity: str) -> JsonResponse:
    """A quantity against cycle number, one colour per cell, for one filter or all cycles."""
    dataset = get_object_or_404(Dataset, slug=slug)
    chosen = QUANTITIES.get(quantity, QUANTITIES["discharge_capacity"])
    points = services.points_by_cell(dataset, chosen, request.GET.get("filter", ""))
    return JsonResponse(plots.scatter_by_group(points, x_axis="Cycle number", y_axis=chosen.axis))


@require_POST
@requires(Permission.EDIT)
def export(request: HttpRequest, slug: str) -> HttpResponse:
    dataset = get_object_or_404(Dataset, slug=slug)
    kind = request.POST.get("format", DatasetExport.Format.CSV)
    try:
        job = services.request_export(dataset, kind, by=request.user, trigger=Job.Trigger.PAGE)
    except LabError as error:
        messages.error(request, str(error))
        return redirect(dataset)
    messages.info(request, "The export is being written.")
    return redirect(job)


@require_POST
@requires(Permission.EDIT)
def freeze(request: HttpRequest, slug: str) -> HttpResponse:
    dataset = get_object_or_404(Dataset, slug=slug)
    job = services.request_snapshot(dataset, by=request.user, trigger=Job.Trigger.PAGE)
    messages.info(request, "The dataset is being frozen and compiled to tensors.")
    return redirect(job)


@requires(Permission.VIEW)
def download_export(request: HttpRequest, export_id: int) -> FileResponse:
    chosen = get_object_or_404(DatasetExport.objects.select_related("dataset"), pk=export_id)
    return FileResponse(
        services.open_export(chosen), as_attachment=True, filename=services.download_name(chosen)
    )


@requires(Permission.VIEW)
def snapshot(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """A frozen dataset: what is in it, its tensors, and how to load them."""
    shown = get_object_or_404(
        Snapshot.objects.select_related("dataset", "created_by"), pk=snapshot_id
    )
    written = (shown.manifest or {}).get("shards", [])
    context = {
        "snapshot": shown,
        "shards": list(shown.shards.all()),
        "half_cycles": sum(shard["rows"] for shard in written),
    }
    return render(request, "cycling/snapshot.html", context)
