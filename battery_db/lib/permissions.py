"""Declared permissions: every page and endpoint says who may use it.

Four roles, each a Django group that includes the one before. A view without a
declaration is refused for everybody, so forgetting one is found at once.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

View = TypeVar("View", bound=Callable[..., Any])


class Permission(StrEnum):
    """Values are Django permissions (``app_label.codename``), but for the first two."""

    PUBLIC = "public"  # no login: the login page, health checks
    SIGNED_IN = "signed_in"  # any account: own profile, own tokens
    VIEW = "accounts.view_lab"  # viewer: look, search, download
    EDIT = "accounts.edit_lab"  # member: register cells, correct metadata, datasets, start jobs
    CURATE = "accounts.curate_lab"  # curator: deprecate, exclude, merge, delete
    ADMINISTER = "accounts.administer_lab"  # admin: folders, people, settings


ROLES: Mapping[str, tuple[Permission, ...]] = {
    "viewer": (Permission.VIEW,),
    "member": (Permission.VIEW, Permission.EDIT),
    "curator": (Permission.VIEW, Permission.EDIT, Permission.CURATE),
    "admin": (Permission.VIEW, Permission.EDIT, Permission.CURATE, Permission.ADMINISTER),
}


def requires(permission: Permission, **by_method: Permission) -> Callable[[View], View]:
    """Declare what a function view needs: ``@requires(Permission.VIEW, POST=Permission.EDIT)``."""

    def declare(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        view.permission_by_method = by_method  # type: ignore[attr-defined]
        return view

    return declare


def declared(view: Any, method: str) -> Permission | None:
    """The permission that a function view declares for ``method``, or None.

    HEAD is a GET whose body is not sent, and needs what GET needs.
    """
    by_method: Mapping[str, Permission] = getattr(view, "permission_by_method", {})
    method = "GET" if method == "HEAD" else method
    return by_method.get(method) or getattr(view, "permission", None)


def allows(user: Any, permission: Permission) -> bool:
    if permission is Permission.PUBLIC:
        return True
    if not (user and user.is_authenticated):
        return False
    return permission is Permission.SIGNED_IN or user.has_perm(str(permission))


class DeclaredPermission(BasePermission):
    """DRF: views declare ``permission`` and ``permission_by_method`` as class attributes.

    Without ``permission_by_method`` unsafe methods need at least ``EDIT``.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = api_permission(view, request.method or "GET")
        return needed is not None and allows(request.user, needed)


def api_permission(view: Any, method: str) -> Permission | None:
    """The permission that an API view (instance or class) declares for ``method``."""
    permission: Permission | None = getattr(view, "permission", None)
    by_method: Mapping[str, Permission] = getattr(view, "permission_by_method", {})
    method = "GET" if method == "HEAD" else method
    if method in by_method:
        return by_method[method]
    if method in ("GET", "OPTIONS") or permission is None:
        return permission
    return permission if permission is not Permission.VIEW else Permission.EDIT
