"""REST resources of impedance."""

from rest_framework.routers import BaseRouter

from eis.api import circuits, resources


def register(router: BaseRouter) -> None:
    """Add the resources of impedance to ``/api/v1/``."""
    router.register("eis/files", resources.ImpedanceFileViewSet, basename="impedance-file")
    router.register("eis/spectra", resources.SpectrumViewSet, basename="impedance-spectrum")
    router.register("eis/circuits", circuits.LabCircuitViewSet, basename="lab-circuit")
    router.register("eis/fits", resources.CircuitFitViewSet, basename="circuit-fit")
