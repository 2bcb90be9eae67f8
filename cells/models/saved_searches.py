"""Searches that people keep."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    def visible_to(self, person: Any) -> "SavedSearchQuerySet":
        """One's own, and those that others share with the lab."""
        return self.filter(Q(owner=person.pk) | Q(is_shared=True)).select_related("owner")


class SavedSearch(models.Model):
    """The address of a search under a name. It finds what is there on the day it is opened."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_searches"
    )
    name = models.CharField(max_length=100)
    query = models.TextField(blank=True, help_text="What stands after the ? of the address.")
    is_shared = models.BooleanField(default=False, help_text="Everybody in the lab sees it.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "saved searches"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_search_name_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('cells:search-tree')}?{self.query}"
