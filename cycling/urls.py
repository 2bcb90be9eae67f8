from django.urls import path

from cycling.views import (
    cells,
    curation,
    datasets,
    declarations,
    files,
    filters,
    found_cells,
    problems,
)

app_name = "cycling"
urlpatterns = [
    path("cells/<int:cell_id>/panel/", cells.cell_panel, name="cell-panel"),
    path("cells/import-states/", found_cells.import_states, name="import-states"),
    path("cells/reimport/", found_cells.reimport_cells, name="reimport-cells"),
    path("cells/<int:cell_id>/sparkline.svg", found_cells.cell_sparkline, name="sparkline"),
    path("cells/<int:cell_id>/fix/", curation.fix_cycles, name="fix-cycles"),
    path("cells/<int:cell_id>/fix.json", curation.fix_figure, name="fix-figure"),
    path("cells/<int:cell_id>/fix/<int:change_id>/undo/", curation.undo_change, name="undo-change"),
    path("cells/<int:cell_id>/curves.json", cells.curves_figure, name="curves-figure"),
    path("cells/<int:cell_id>/record.json", cells.record_figure, name="record-figure"),
    path("cells/<int:cell_id>/timeline.json", cells.timeline_figure, name="timeline-figure"),
    path("cells/<int:cell_id>/<slug:quantity>.json", cells.capacity_figure, name="capacity-figure"),
    path("cells/<int:cell_id>/groups/<int:group_id>/name/", cells.name_group, name="name-group"),
    path("cells/<int:cell_id>/refresh/", cells.refresh_cell, name="refresh-cell"),
    path("cells/<int:cell_id>/capacity/", cells.set_capacity, name="set-capacity"),
    path("cells/<int:cell_id>/exclude/", cells.exclude_cycle, name="exclude-cycle"),
    path("files/<int:file_id>/panel/", files.file_panel, name="file-panel"),
    path("problems/panel/", problems.problems_panel, name="problems-panel"),
    path("problems/find/", problems.find_problems, name="find-problems"),
    path("problems/<int:problem_id>/dismiss/", problems.dismiss_problem, name="dismiss-problem"),
    path("troubleshoot/", problems.troubleshoot, name="troubleshoot"),
    path("files/<int:file_id>/columns/", declarations.declare_columns, name="declare-columns"),
    path(
        "declarations/<int:declaration_id>/delete/",
        declarations.delete_declaration,
        name="delete-declaration",
    ),
    path("tests/<int:test_id>/", files.test, name="test"),
    path("tests/<int:test_id>/overview.json", files.test_figure, name="test-figure"),
    path("datasets/<slug:slug>/panel/", datasets.dataset_panel, name="dataset-panel"),
    path("datasets/<slug:slug>/filter-preview/", filters.filter_preview, name="filter-preview"),
    path("datasets/<slug:slug>/plot/", datasets.set_plot, name="set-plot"),
    path("datasets/<slug:slug>/figure.html", datasets.standalone_figure, name="figure-html"),
    path("datasets/<slug:slug>/export/", datasets.export, name="export"),
    path("datasets/<slug:slug>/freeze/", datasets.freeze, name="freeze"),
    path(
        "datasets/<slug:slug>/<slug:quantity>.json", datasets.dataset_figure, name="dataset-figure"
    ),
    path("datasets/freeze/", datasets.freeze_several, name="freeze-several"),
    path("exports/<int:export_id>/", datasets.download_export, name="download-export"),
    path("snapshots/<int:snapshot_id>/", datasets.snapshot, name="snapshot"),
]
