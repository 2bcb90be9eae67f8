from django.apps import AppConfig


class BatteryDbConfig(AppConfig):
    """The composition root is an app too, for its commands and the nightly tasks."""

    name = "battery_db"
    label = "battery_db"
