from django.apps import AppConfig


class CyclingConfig(AppConfig):
    name = "cycling"
    verbose_name = "Cycling"
