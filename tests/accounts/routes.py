"""Every route of the site, as the URL configuration has it, with an address to ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.regex_helper import normalize
from rest_framework.views import APIView

from battery_db.lib.permissions import Permission, api_permission, declared

# What no object has: 404 counts as let in. The first that fits the pattern is taken.
SAMPLES = (
    "987654",
    "00000000-0000-4000-8000-000000000000",
    "nothing",
    "cells",
    "molecules",
    "electrodes",
)


@dataclass(frozen=True)
class Route:
    path: str
    name: str
    view: Any
    is_admin_site: bool
    parameters: tuple[str, ...] = ()

    @property
    def api_class(self) -> type[APIView] | None:
        cls = getattr(self.view, "cls", None)
        is_api = cls is not None and issubclass(cls, APIView)
        return cls if is_api and not hasattr(self.view, "permission") else None

    @property
    def methods(self) -> list[str]:
        """GET and POST of pages, though a page may have one only; of endpoints what they have."""
        if self.is_admin_site:
            return ["GET"]  # one rule for the whole site, whatever the method
        if self.api_class is None:
            return ["GET", "POST"]
        actions = getattr(self.view, "actions", None)
        has = actions or [
            name for name in self.api_class.http_method_names if hasattr(self.api_class, name)
        ]
        # HEAD is added to a viewset by its first request, and needs what GET needs.
        return sorted({name.upper() for name in has} - {"HEAD"} | {"OPTIONS"})

    def needed(self, method: str) -> Permission | None:
        if self.is_admin_site:
            return Permission.ADMINISTER
        if self.api_class is not None:
            return api_permission(self.api_class(**self.view.initkwargs), method)
        return declared(self.view, method)


def all_routes() -> list[Route]:
    return list(_walk(get_resolver(), "/", "", is_admin_site=False))


def _walk(
    resolver: URLResolver, prefix: str, namespace: str, *, is_admin_site: bool
) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        if "format" in entry.pattern.regex.groupindex:
            continue  # the same view, asked for by suffix
        here = _address(entry, prefix)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            admin = is_admin_site or entry.app_name == "admin"
            yield from _walk(entry, here, inner, is_admin_site=admin)
        else:
            names = tuple(entry.pattern.regex.groupindex)
            yield Route(here, f"{namespace}{entry.name}", entry.callback, is_admin_site, names)


def _address(entry: URLPattern | URLResolver, prefix: str) -> str:
    template, names = normalize(entry.pattern.regex.pattern)[0]
    choices = product(SAMPLES, repeat=len(names))
    samples = (template % dict(zip(names, choice, strict=True)) for choice in choices)
    fitting = (sample for sample in samples if entry.pattern.regex.search(sample))
    address = next(fitting, None)
    assert address is not None, f"add a sample that fits {entry.pattern.regex.pattern}"
    return prefix + address
