from django.urls import URLPattern, path

from cells.views import datasets

urlpatterns: list[URLPattern] = [
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/<slug:slug>/", datasets.dataset, name="dataset"),
    path("datasets/<slug:slug>/edit/", datasets.dataset_edit, name="dataset-edit"),
    path("datasets/<slug:slug>/delete/", datasets.dataset_delete, name="dataset-delete"),
    path("datasets/<slug:slug>/add-cells/", datasets.add_cells, name="dataset-add-cells"),
    path("datasets/<slug:slug>/remove-cells/", datasets.remove_cells, name="dataset-remove-cells"),
    path("datasets/<slug:slug>/names/", datasets.cell_names, name="dataset-names"),
    path(
        "datasets/<slug:slug>/cells/<int:cell_id>/name/",
        datasets.cell_name,
        name="dataset-cell-name",
    ),
    path("datasets/<slug:slug>/filters/new/", datasets.filter_new, name="filter-new"),
    path("datasets/<slug:slug>/filters/<int:pk>/", datasets.filter_edit, name="filter-edit"),
    path("datasets/<slug:slug>/filters/<int:pk>/copy/", datasets.filter_copy, name="filter-copy"),
    path(
        "datasets/<slug:slug>/filters/<int:pk>/delete/",
        datasets.filter_delete,
        name="filter-delete",
    ),
]
