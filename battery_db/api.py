"""The router of ``/api/v1/``: one line per group of resources."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import DefaultRouter

import cells.api.datasets
import cells.api.files
import cells.api.registry
import cycling.api
from battery_db.lib.runs import api as runs_api

router = DefaultRouter()
cells.api.registry.register(router)
cells.api.files.register(router)
cells.api.datasets.register(router)
cycling.api.register(router)
runs_api.register(router)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
]
