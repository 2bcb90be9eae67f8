"""Makes the four roles of ``lib.permissions`` real: Django groups with permissions."""

from django.contrib.auth.models import Group
from django.contrib.auth.models import Permission as DjangoPermission
from django.contrib.contenttypes.models import ContentType

from battery_db.accounts.models import LabPermissions
from battery_db.lib.permissions import ROLES


def ensure_roles() -> None:
    """Create the groups and give each exactly its permissions. Can be repeated."""
    content_type = ContentType.objects.get_for_model(LabPermissions, for_concrete_model=False)
    known = {}
    for codename, name in LabPermissions._meta.permissions:
        known[f"accounts.{codename}"], _ = DjangoPermission.objects.get_or_create(
            codename=codename, content_type=content_type, defaults={"name": name}
        )
    for role, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([known[str(permission)] for permission in permissions])
