"""The router of ``/api/v1/``: one line per resource."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import DefaultRouter

router = DefaultRouter()

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
]
