"""The cycling panel of a dataset's page: plot, CSV exports, snapshots."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from cells.models import Dataset, Snapshot
from cells.services import datasets
from cycling import plots
from cycling.models import DatasetExport
from cycling.quantities import QUANTITIES, Quantity
from cycling.services import datasets as services
from cycling.services import panels

SHOWN = 5
COLUMNS = ("1", "2", "3", "4")


@dataclass(frozen=True, slots=True)
class Plot:
    """How a dataset is plotted: as its settings say, but for what the address says."""

    quantity: Quantity
    mode: str
    columns: int
    filter: str = ""

    @property
    def query(self) -> str:
        return urlencode({"panels": self.mode, "columns": self.columns, "filter": self.filter})


def plot_of(dataset: Dataset, sent: QueryDict, quantity: str = "") -> Plot:
    name = quantity or sent.get("quantity", "") or dataset.plot_quantity
    mode = sent.get("panels", "")
    columns = sent.get("columns", "")
    return Plot(
        QUANTITIES.get(name, QUANTITIES["discharge_capacity"]),
        mode if mode in Dataset.Panels.values else dataset.plot_panels,
        min(int(columns), panels.MOST_COLUMNS) if columns in COLUMNS else dataset.plot_columns,
        sent.get("filter", ""),
    )


def figure_of(dataset: Dataset, plot: Plot) -> plots.Figure:
    found = panels.panels_of(dataset, plot.quantity, plot.mode, plot.filter)
    return plots.panel_grid(
        found, columns=plot.columns, x_axis="Cycle number", y_axis=plot.quantity.axis
    )


@requires(Permission.VIEW)
def dataset_panel(request: HttpRequest, slug: str) -> HttpResponse:
    dataset = get_object_or_404(Dataset, slug=slug)
    context = {
        "dataset": dataset,
        "filters": list(dataset.filters.all()),
        "plot": plot_of(dataset, request.GET),
        "modes": Dataset.Panels.choices,
        "columns": range(1, panels.MOST_COLUMNS + 1),
        "quantities": QUANTITIES.values(),
        "formats": DatasetExport.Format.choices,
        "exports": list(dataset.exports.all()[:SHOWN]),
        "snapshots": list(dataset.snapshots.all()[:SHOWN]),
        "coverage": services.coverage(dataset),
    }
    return render(request, "cycling/dataset_panel.html", context)


@requires(Permission.VIEW)
def dataset_figure(request: HttpRequest, slug: str, quantity: str) -> JsonResponse:
    """A quantity against cycle number in a grid of panels, one colour per cell."""
    dataset = get_object_or_404(Dataset, slug=slug)
    return JsonResponse(figure_of(dataset, plot_of(dataset, request.GET, quantity)))


@requires(Permission.VIEW)
def standalone_figure(request: HttpRequest, slug: str) -> HttpResponse:
    """The same figure as one HTML file that works without battery_db, as a download."""
    from plotly.io import to_html

    dataset = get_object_or_404(Dataset, slug=slug)
    plot = plot_of(dataset, request.GET)
    figure = figure_of(dataset, plot)
    figure["layout"] |= {"title": {"text": f"{dataset.name}: {plot.quantity.title}"}}
    figure["layout"]["margin"]["t"] = 80
    response = HttpResponse(to_html(figure, include_plotlyjs=True, validate=False))
    name = f"{dataset.slug}-{plot.quantity.name}.html"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_POST
@requires(Permission.EDIT)
def set_plot(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the plot as it is set now for everybody who opens the dataset."""
    dataset = get_object_or_404(Dataset, slug=slug)
    plot = plot_of(dataset, request.POST)
    datasets.set_plot(dataset, plot.quantity.name, plot.mode, plot.columns, by=request.user)
    messages.success(request, "The plot opens like this for everybody now.")
    return redirect(dataset)


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
    job = services.request_snapshot([dataset], by=request.user, trigger=Job.Trigger.PAGE)
    messages.info(request, "The dataset is being frozen and compiled to tensors.")
    return redirect(job)


@require_POST
@requires(Permission.EDIT)
def freeze_several(request: HttpRequest) -> HttpResponse:
    """Freeze the ticked datasets together: one snapshot, each cell in it once."""
    try:
        chosen = services.named(request.POST.getlist("dataset"))
        job = services.request_snapshot(chosen, by=request.user, trigger=Job.Trigger.PAGE)
    except LabError as error:
        messages.error(request, str(error))
        return redirect("cells:datasets")
    messages.info(request, "The datasets are being frozen and compiled to tensors.")
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
    shown = get_object_or_404(Snapshot.objects.select_related("created_by"), pk=snapshot_id)
    written = (shown.manifest or {}).get("shards", [])
    parts = shown.selection.get("datasets", [shown.selection])
    cells = {cell["cell_id"] for part in parts for cell in part.get("cells", [])}
    context = {
        "snapshot": shown,
        "datasets": services.frozen_in(shown),
        "cell_count": len(cells),
        "filter_count": sum(len(part.get("filters", [])) for part in parts),
        "shards": list(shown.shards.all()),
        "half_cycles": sum(shard["rows"] for shard in written),
    }
    return render(request, "cycling/snapshot.html", context)
