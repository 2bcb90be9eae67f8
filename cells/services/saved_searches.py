"""Searches that people keep for themselves or share with the lab."""

from typing import Any

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.permissions import Permission, allows
from cells.compositions import tidy
from cells.models import SavedSearch

MOST = 200


def save_search(owner: Any, name: str, query: str, *, is_shared: bool = False) -> SavedSearch:
    """Keep ``query`` under ``name``; one's own search of that name is replaced."""
    name = tidy(name)
    if not name:
        raise LabError("The search has no name.", fix="Give it one.")
    own = SavedSearch.objects.filter(owner=owner)
    if own.exclude(name=name).count() >= MOST:
        raise LabError(f"You keep {MOST} searches already.", fix="Delete some first.")
    saved, _ = SavedSearch.objects.update_or_create(
        owner=owner, name=name, defaults={"query": query, "is_shared": is_shared}
    )
    return saved


def delete_search(saved: SavedSearch, *, by: Any) -> None:
    """By its owner, or by a curator when it is shared."""
    may = saved.owner_id == by.pk or (saved.is_shared and allows(by, Permission.CURATE))
    if not may:
        raise NotAllowed(f"{saved} is a search of {saved.owner}.", fix="Ask them to delete it.")
    saved.delete()
