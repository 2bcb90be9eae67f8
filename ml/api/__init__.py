"""REST resources of models."""

from rest_framework.routers import BaseRouter

from ml.api import impedance


def register(router: BaseRouter) -> None:
    """Add the resources of models to ``/api/v1/``."""
    router.register(
        "ml/impedance-networks", impedance.GuessNetworkViewSet, basename="impedance-network"
    )
    router.register(
        "ml/impedance-network-in-use", impedance.ChosenNetworkViewSet, basename="network-in-use"
    )
