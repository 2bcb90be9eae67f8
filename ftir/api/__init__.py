"""REST resources of infrared spectra."""

from rest_framework.routers import BaseRouter

from ftir.api import calibrations, spectra


def register(router: BaseRouter) -> None:
    """Add the resources of infrared spectra to ``/api/v1/``."""
    router.register("ftir/spectra", spectra.SpectrumViewSet, basename="infrared-spectrum")
    router.register("ftir/compositions", spectra.CompositionViewSet, basename="composition")
    router.register("ftir/calibrations", calibrations.CalibrationViewSet, basename="calibration")
