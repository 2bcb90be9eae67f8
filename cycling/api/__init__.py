"""REST resources of cycling."""

from rest_framework.routers import BaseRouter


def register(router: BaseRouter) -> None:
    """Add the resources of cycling to ``/api/v1/``."""
