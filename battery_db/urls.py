"""One include per app. The cell page and the report are composed here, by URL."""

from django.contrib import admin
from django.urls import include, path

from battery_db import api, pages
from battery_db.schema import docs_page

urlpatterns = [
    path("", pages.last_night, name="last-night"),
    path("nights/start/", pages.start_night, name="start-night"),
    path("nights/<uuid:job_id>/", pages.last_night, name="night"),
    path("nights/<uuid:job_id>/files/", pages.night_files, name="files-of-night"),
    path("nights/<uuid:job_id>/files.csv", pages.night_files_csv, name="files-of-night-csv"),
    path("search/", pages.search, name="search"),
    path("healthz", pages.healthz, name="healthz"),
    path("readyz", pages.readyz, name="readyz"),
    path("account/", include("battery_db.accounts.urls")),
    path("jobs/", include("battery_db.lib.runs.urls")),
    path("cycling/", include("cycling.urls")),
    path("ftir/", include("ftir.urls")),
    path("eis/", include("eis.urls")),
    path("ml/", include("ml.urls")),
    path("", include("cells.urls")),
    path("admin/", admin.site.urls),
    path("api/docs/", docs_page, name="api-docs"),
    path("api/v1/", include(api.urlpatterns)),
]
