from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "battery_db.demo"
    label = "demo"
    verbose_name = "Demo lab"
