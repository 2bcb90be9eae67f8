"""API tokens in the ``Authorization`` header, and what the admin role may do."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from battery_db.accounts import services
from battery_db.accounts.models import ApiToken
from battery_db.lib.permissions import Permission


class ApiTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer <prefix>.<secret>``; the word may also be ``Token``."""

    words = (b"bearer", b"token")

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = get_authorization_header(request).split()
        if not header or header[0].lower() not in self.words:
            return None
        if len(header) != 2:
            raise AuthenticationFailed("Expected 'Authorization: Bearer <token>'.")
        token = services.token_of(header[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed("The API token is unknown, expired or revoked.")
        if token.read_only and request.method not in SAFE_METHODS:
            raise PermissionDenied("This API token is read-only.")
        services.note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="battery_db"'


class AdministratorBackend(BaseBackend):
    """Who may administer the lab has every permission on the models of the admin site.

    Groups could hold them only as rows, which each new model would have to be added to.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if perm.startswith("accounts.") and perm.endswith("_lab"):
            return False  # the groups say so
        return bool(user_obj.is_active and user_obj.has_perm(str(Permission.ADMINISTER)))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return bool(user_obj.is_active and user_obj.has_perm(str(Permission.ADMINISTER)))
