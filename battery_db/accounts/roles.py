"""Makes the four roles of ``lib.permissions`` real: Django groups with permissions."""

from typing import Any

from django.apps import apps as installed_apps

from battery_db.lib.permissions import ROLES

DESCRIPTIONS = {
    "view_lab": "Look at everything, search, download",
    "edit_lab": "Register cells, correct metadata, edit datasets, start jobs",
    "curate_lab": "Deprecate files, exclude cycles, merge, delete",
    "administer_lab": "Manage folders, people and settings",
}


def ensure_roles(apps: Any = installed_apps) -> None:
    """Create the groups and give each exactly its permissions. Can be repeated.

    A migration passes its own ``apps``: permissions are otherwise made only after the
    last migration, and the roles need them.
    """
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="accounts", model="labpermissions"
    )
    known = {}
    for codename, name in DESCRIPTIONS.items():
        known[f"accounts.{codename}"], _ = apps.get_model(
            "auth", "Permission"
        ).objects.get_or_create(
            codename=codename, content_type=content_type, defaults={"name": name}
        )
    for role, permissions in ROLES.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=role)
        group.permissions.set([known[str(permission)] for permission in permissions])
