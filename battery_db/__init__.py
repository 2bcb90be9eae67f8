"""Composition root: the only package that sees every app."""

from battery_db.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
