from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    default = True
    name = "battery_db.accounts"
    label = "accounts"
    verbose_name = "People"


class LabAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "battery_db.accounts.sites.LabAdminSite"
