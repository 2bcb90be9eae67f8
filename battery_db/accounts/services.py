"""What people ask for about people: accounts, roles and tokens."""

import hmac
import logging
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from battery_db.accounts.models import ApiToken
from battery_db.lib.errors import NotAllowed
from battery_db.lib.permissions import ROLES

logger = logging.getLogger(__name__)
PEPPER = "battery_db.accounts.api_token"
LAST_USE_RESOLUTION = timedelta(minutes=1)


# Tokens -------------------------------------------------------------------------


def create_token(
    user: User, name: str, *, expires_at: datetime | None = None, read_only: bool = False
) -> tuple[ApiToken, str]:
    """The token's row and its text, ``prefix.secret``, which is kept nowhere."""
    secret = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=f"bdb_{secrets.token_hex(4)}",
        digest=_digest(secret, settings.SECRET_KEY),
        expires_at=expires_at,
        read_only=read_only,
    )
    logger.info("token %s of %s created", token.prefix, user.get_username())
    return token, f"{token.prefix}.{secret}"


def token_of(text: str) -> ApiToken | None:
    """The usable token that ``text`` proves, or None."""
    prefix, _, secret = text.partition(".")
    token = ApiToken.objects.select_related("user").filter(prefix=prefix).first()
    # An unknown prefix costs the same work as a known one, and each key is tried.
    stored = token.digest if token else ""
    proven = sum(hmac.compare_digest(stored, digest) for digest in _digests(secret)) > 0
    if token is None or not proven or not token.is_usable or not token.user.is_active:
        return None
    return token


def note_use(token: ApiToken) -> None:
    """Remember when a token was last used, to the minute (a write a request is too many)."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USE_RESOLUTION)
    if token.last_used_at is None or token.last_used_at < now - LAST_USE_RESOLUTION:
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def revoke_token(token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    logger.info("token %s revoked", token.prefix)


def _digests(secret: str) -> Iterator[str]:
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield _digest(secret, key)


def _digest(secret: str, key: str) -> str:
    return salted_hmac(PEPPER, secret, secret=key, algorithm="sha256").hexdigest()


# People -------------------------------------------------------------------------


@transaction.atomic
def create_person(
    username: str, role: str, *, email: str = "", password: str | None = None
) -> User:
    """An account in one role; without a password only ``invitation_path`` opens it."""
    user = User.objects.create_user(username, email, password)
    user.groups.set([Group.objects.get(name=role)])
    logger.info("account %s created as %s", username, role)
    return user


@transaction.atomic
def change_role(person: User, role: str) -> None:
    """Exactly one role, and no way around it."""
    _check_role(role)
    if role != "admin":
        _keep_an_admin(person)
    person.groups.set([Group.objects.get(name=role)])
    if person.is_superuser and role != "admin":
        person.is_superuser = person.is_staff = False
        person.save(update_fields=["is_superuser", "is_staff"])
    logger.info("account %s is now %s", person.get_username(), role)


@transaction.atomic
def set_active(person: User, active: bool) -> None:
    """Sessions and tokens of an inactive account are refused from the next request on."""
    if not active:
        _keep_an_admin(person)
    person.is_active = active
    person.save(update_fields=["is_active"])
    logger.info("account %s %s", person.get_username(), "opened" if active else "closed")


def invitation_path(person: User) -> str:
    """Where the person sets a password. Works once, for ``PASSWORD_RESET_TIMEOUT`` seconds."""
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    return reverse("set-password", args=[uid, default_token_generator.make_token(person)])


def role_of(person: User) -> str:
    """The highest role, "" for none. A superuser is an admin."""
    if person.is_superuser:
        return "admin"
    held = {group.name for group in person.groups.all()}
    return next((role for role in reversed(list(ROLES)) if role in held), "")


def active_admins() -> QuerySet[User]:
    return User.objects.filter(
        Q(groups__name="admin") | Q(is_superuser=True), is_active=True
    ).distinct()


def _keep_an_admin(person: User) -> None:
    # Two admins who demote each other at once wait here for one another.
    list(Group.objects.select_for_update().filter(name="admin"))
    admins = active_admins()
    if admins.filter(pk=person.pk).exists() and not admins.exclude(pk=person.pk).exists():
        raise NotAllowed(
            f"{person.get_username()} is the last active admin.",
            fix="Make somebody else an admin first.",
        )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise NotAllowed(f"There is no role '{role}'.", fix=f"Choose one of {', '.join(ROLES)}.")
