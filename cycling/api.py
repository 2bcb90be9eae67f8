"""REST resources."""

from rest_framework.routers import BaseRouter


def register(router: BaseRouter) -> None:
    """Add the resources of this module to ``/api/v1/``."""
