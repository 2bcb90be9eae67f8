"""The API's own pages: its root, the OpenAPI schema and the documentation to try it in."""

from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import APIRootView, DefaultRouter

from battery_db.lib.permissions import Permission, requires


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema speaks of API tokens."""

    target_class = "battery_db.accounts.authentication.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class ApiRoot(APIRootView):
    """battery_db: cells, files, cycles, datasets and tensors of a battery lab."""

    permission = Permission.VIEW


class Router(DefaultRouter):
    APIRootView = ApiRoot


class Schema(SpectacularAPIView):
    permission = Permission.VIEW


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI. Its script is a request of its own, as pages may hold no inline script."""

    permission = Permission.VIEW
    template_name = "pages/api_docs.html"


schema_urls: list[URLPattern] = [path("schema/", Schema.as_view(), name="schema")]
# Declared for the page too, so that a browser is sent to the login page.
docs_page = requires(Permission.VIEW, POST=Permission.EDIT)(Docs.as_view(url_name="schema"))
