from django.apps import AppConfig


class EisConfig(AppConfig):
    name = "eis"
    verbose_name = "Impedance"
