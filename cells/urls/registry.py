from django.urls import URLPattern, path, register_converter

from cells.urls.converters import KindConverter, LotKindConverter, SeveralKindConverter
from cells.views import (
    definitions,
    interchange,
    lots,
    merging,
    nodes,
    registering,
    registry,
    search,
    several,
)

register_converter(KindConverter, "kind")
register_converter(LotKindConverter, "lotted")
register_converter(SeveralKindConverter, "tabled")

urlpatterns: list[URLPattern] = [
    path("cells/", registry.cells, name="cells"),
    path("cells/add-to-dataset/", registry.add_to_dataset, name="add-to-dataset"),
    path("cells/search/", search.search_tree, name="search-tree"),
    path("cells/search/results.csv", search.search_csv, name="search-csv"),
    path("cells/search/count/", search.search_count, name="search-count"),
    path("cells/search/suggest/", search.suggest, name="search-suggest"),
    path("cells/search/add-to-dataset/", search.search_add, name="search-add"),
    path("cells/search/saved/", search.search_save, name="search-save"),
    path("cells/search/saved/<int:pk>/forget/", search.search_forget, name="search-forget"),
    path("cells/new/", registry.cell_new, name="cell-new"),
    path("cells/register/", registering.register, name="register"),
    path("cells/register/check/", registering.check, name="register-check"),
    path("cells/import-battinfo/", interchange.battinfo_import, name="battinfo-import"),
    path("cells/<int:cell_id>/battinfo/", interchange.battinfo, name="battinfo"),
    path("cells/register-csv/", registry.register_csv, name="register-csv"),
    path("cells/<int:cell_id>/", registry.cell, name="cell"),
    path("cells/<int:cell_id>/edit/", registry.cell_edit, name="cell-edit"),
    path("cells/<int:cell_id>/delete/", registry.cell_delete, name="cell-delete"),
    path("materials/", nodes.materials, name="materials"),
    path("materials/dry-cells/import-bpx/", interchange.bpx_import, name="bpx-import"),
    path("materials/<kind:kind>/", nodes.nodes, name="nodes"),
    path("materials/<tabled:kind>/several/", several.nodes_several, name="nodes-several"),
    path("materials/<lotted:kind>/lots/", nodes.lots, name="lots"),
    path("materials/<lotted:kind>/lots/several/", several.lots_several, name="lots-several"),
    path("materials/<kind:kind>/new/", definitions.node_new, name="node-new"),
    path("materials/<kind:kind>/preview/", definitions.preview, name="node-preview"),
    path("materials/<kind:kind>/<int:pk>/", nodes.node, name="node"),
    path("materials/<kind:kind>/<int:pk>/edit/", definitions.node_edit, name="node-edit"),
    path("materials/<kind:kind>/<int:pk>/delete/", nodes.node_delete, name="node-delete"),
    path("materials/<kind:kind>/<int:pk>/merge/", merging.node_merge, name="node-merge"),
    path("materials/<lotted:kind>/<int:pk>/lots/new/", lots.lot_new, name="lot-new"),
    path("materials/<lotted:kind>/lots/<int:pk>/edit/", lots.lot_edit, name="lot-edit"),
    path("materials/<lotted:kind>/lots/<int:pk>/delete/", lots.lot_delete, name="lot-delete"),
]
