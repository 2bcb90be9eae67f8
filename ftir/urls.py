from django.urls import path

from ftir.views import calibrations, panels, spectra

app_name = "ftir"
urlpatterns = [
    path("spectra/", spectra.spectra, name="spectra"),
    path("spectra/estimate/", spectra.estimate_waiting, name="estimate-waiting"),
    path("spectra/<int:spectrum_id>/", spectra.spectrum, name="spectrum"),
    path("spectra/<int:spectrum_id>/estimate/", spectra.estimate, name="estimate"),
    path("spectra/<int:spectrum_id>/remove/", spectra.remove, name="remove"),
    path("spectra/<int:spectrum_id>/points.<slug:encoding>", spectra.download, name="download"),
    path(
        "spectra/<int:spectrum_id>/<slug:figure>.json",
        spectra.spectrum_figure,
        name="spectrum-figure",
    ),
    path("calibrations/", calibrations.calibrations, name="calibrations"),
    path("calibrations/new/", calibrations.calibration_new, name="calibration-new"),
    path("calibrations/demonstration/", calibrations.make_demonstration, name="make-demonstration"),
    path("calibrations/template.csv", calibrations.template, name="template"),
    path("calibrations/<int:calibration_id>/", calibrations.calibration, name="calibration"),
    path("calibrations/<int:calibration_id>/plan.csv", calibrations.plan_table, name="plan-table"),
    path("calibrations/<int:calibration_id>/ratios/", calibrations.set_ratios, name="set-ratios"),
    path(
        "calibrations/<int:calibration_id>/spectra/", calibrations.add_spectra, name="add-spectra"
    ),
    path("calibrations/<int:calibration_id>/delete/", calibrations.delete, name="delete"),
    path("calibrations/<int:calibration_id>/model/", calibrations.set_model, name="set-model"),
    path("calibrations/<int:calibration_id>/fit/", calibrations.fit, name="fit"),
    path("calibrations/<int:calibration_id>/use/", calibrations.put_in_use, name="put-in-use"),
    path(
        "calibrations/<int:calibration_id>/version/", calibrations.new_version, name="new-version"
    ),
    path(
        "calibrations/<int:calibration_id>/<slug:figure>.json",
        calibrations.calibration_figure,
        name="calibration-figure",
    ),
    path("cells/<int:cell_id>/panel/", panels.cell_panel, name="cell-panel"),
    path("cells/<int:cell_id>/composition.json", panels.cell_figure, name="cell-figure"),
    path("files/<int:file_id>/panel/", panels.file_panel, name="file-panel"),
    path("problems/panel/", panels.problems_panel, name="problems-panel"),
]
