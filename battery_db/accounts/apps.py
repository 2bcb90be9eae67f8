from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "battery_db.accounts"
    label = "accounts"
    verbose_name = "People"
