from django.urls import URLPattern, path

from cells.views import materials, nodes, registry

urlpatterns: list[URLPattern] = [
    path("cells/", registry.cells, name="cells"),
    path("cells/add-to-dataset/", registry.add_to_dataset, name="add-to-dataset"),
    path("cells/new/", registry.cell_new, name="cell-new"),
    path("cells/register-csv/", registry.register_csv, name="register-csv"),
    path("cells/<int:cell_id>/", registry.cell, name="cell"),
    path("cells/<int:cell_id>/edit/", registry.cell_edit, name="cell-edit"),
    path("cells/<int:cell_id>/delete/", registry.cell_delete, name="cell-delete"),
    path("materials/", materials.electrolytes, name="electrolytes"),
    path("materials/electrolytes/new/", materials.electrolyte_new, name="electrolyte-new"),
    path("materials/electrolytes/preview/", materials.preview, name="electrolyte-preview"),
    path("materials/electrolytes/<int:pk>/", materials.electrolyte, name="electrolyte"),
    path(
        "materials/electrolytes/<int:pk>/edit/", materials.electrolyte_edit, name="electrolyte-edit"
    ),
    path(
        "materials/electrolytes/<int:pk>/delete/",
        materials.electrolyte_delete,
        name="electrolyte-delete",
    ),
    path("materials/molecules/", materials.molecules, name="molecules"),
    path("materials/molecules/new/", materials.molecule_new, name="molecule-new"),
    path("materials/molecules/<int:pk>/edit/", materials.molecule_edit, name="molecule-edit"),
    path("materials/molecules/<int:pk>/delete/", materials.molecule_delete, name="molecule-delete"),
    path("materials/dry-cells/<int:pk>/", materials.dry_cell, name="dry-cell"),
    path("materials/dry-cells/", materials.dry_cells, name="dry-cells"),
    path("materials/dry-cells/new/", materials.dry_cell_new, name="dry-cell-new"),
    path("materials/dry-cells/<int:pk>/edit/", materials.dry_cell_edit, name="dry-cell-edit"),
    path("materials/dry-cells/<int:pk>/delete/", materials.dry_cell_delete, name="dry-cell-delete"),
    path("materials/<slug:kind_key>/<int:pk>/", nodes.node, name="node"),
]
