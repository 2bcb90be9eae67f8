from django.urls import path

from eis.views import cells, circuits, files, review, spectra

app_name = "eis"
urlpatterns = [
    path("", spectra.spectra, name="spectra"),
    path("upload/", files.upload, name="upload"),
    path("review/", review.review, name="review"),
    path("circuits/", circuits.circuits, name="circuits"),
    path("circuits/preview/", circuits.preview, name="circuit-preview"),
    path("circuits/<int:circuit_id>/delete/", circuits.delete, name="delete-circuit"),
    path("spectra/<int:spectrum_id>/", spectra.spectrum, name="spectrum"),
    path("spectra/<int:spectrum_id>/mask/", spectra.mask, name="mask"),
    path("spectra/<int:spectrum_id>/review/", spectra.decide, name="decide"),
    path("spectra/<int:spectrum_id>/fit/", spectra.refit, name="fit"),
    path("spectra/<int:spectrum_id>/pending/", spectra.pending, name="pending"),
    path("spectra/<int:spectrum_id>/compare/", spectra.compare, name="compare"),
    path("spectra/<int:spectrum_id>/use/<int:fit_id>/", spectra.use, name="use"),
    path("spectra/<int:spectrum_id>/undo/<int:decision_id>/", spectra.undo, name="undo"),
    path("spectra/<int:spectrum_id>/points.<slug:encoding>", spectra.points, name="points"),
    path("spectra/<int:spectrum_id>/<slug:plot>.json", spectra.figure, name="figure"),
    path("cells/<int:cell_id>/panel/", cells.cell_panel, name="cell-panel"),
    path("cells/<int:cell_id>/refresh/", cells.refresh_cell, name="refresh-cell"),
    path("cells/<int:cell_id>/trend.json", cells.trend_figure, name="trend-figure"),
    path("cells/<int:cell_id>/spectra.json", cells.overlay_figure, name="overlay-figure"),
    path("files/<int:file_id>/panel/", files.file_panel, name="file-panel"),
    path("problems/panel/", files.problems_panel, name="problems-panel"),
    path("datasets/<slug:slug>/panel/", cells.dataset_panel, name="dataset-panel"),
    path("datasets/<slug:slug>/fits.<slug:encoding>", cells.dataset_fits, name="dataset-fits"),
]
