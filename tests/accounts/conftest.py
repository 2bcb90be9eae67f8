import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _fresh_counters(settings):
    """Rates are counted in the cache: none is left over from another test."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
