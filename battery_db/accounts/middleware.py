"""Refuses what a route does not allow, before the view runs."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from rest_framework.views import APIView

from battery_db.lib.permissions import Permission, allows, declared


class RoutePermissionMiddleware:
    """Every page needs a declared permission; without one it is refused to everybody.

    API views are left to ``DeclaredPermission``, as tokens are read there, unless the
    route declares a permission of its own. The admin site is for the ``admin`` role.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if issubclass(getattr(view, "cls", object), APIView) and not hasattr(view, "permission"):
            return None
        match = request.resolver_match
        if match is not None and match.app_name == "admin":
            needed: Permission | None = Permission.ADMINISTER
        else:
            needed = declared(view, request.method or "GET")
        if needed is None:
            raise PermissionDenied("This page declares no permission.")
        if allows(request.user, needed):
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        raise PermissionDenied("Your role does not allow this.")
