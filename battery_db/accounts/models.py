"""Tokens of the API, and the permissions that roles are made of."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from battery_db.accounts.roles import DESCRIPTIONS


class LabPermissions(models.Model):  # noqa: DJ008  # no rows, no names
    """Holds no rows: it only declares the permissions that ``lib.permissions`` names."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = list(DESCRIPTIONS.items())


class ApiToken(models.Model):
    """A secret for programs. Only a keyed hash is kept: the token is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="Which program or machine uses it.")
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    read_only = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_usable(self) -> bool:
        now = timezone.now()
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
