from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RunsConfig(AppConfig):
    name = "battery_db.lib.runs"
    label = "runs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        # The kinds of job are declared in each app's tasks.py, which imports no heavy library.
        autodiscover_modules("tasks")
