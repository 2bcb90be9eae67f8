"""The admin site: for whoever may administer the lab, through the one login page."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest

from battery_db.lib.permissions import Permission, allows

# Only the people page keeps a last admin, and one role per person.
KEPT_OUT: tuple[type[Model], ...] = (User, Group)


class LabAdminSite(AdminSite):
    site_header = site_title = "battery_db administration"

    def has_permission(self, request: HttpRequest) -> bool:
        """The role decides; ``is_staff`` would be a second list of admins to keep."""
        return request.user.is_active and allows(request.user, Permission.ADMINISTER)

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: Any = None,
        **options: Any,
    ) -> None:
        given = [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        wanted = [model for model in given if model not in KEPT_OUT]
        super().register(wanted, admin_class, **options)
