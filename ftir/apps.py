from django.apps import AppConfig


class FtirConfig(AppConfig):
    name = "ftir"
    verbose_name = "Infrared spectra"
