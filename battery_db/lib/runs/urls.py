from django.urls import URLPattern, path

from battery_db.lib.runs import views

app_name = "runs"
urlpatterns: list[URLPattern] = [
    path("", views.jobs, name="jobs"),
    path("widget/", views.widget, name="widget"),
    path("<uuid:job_id>/", views.job, name="job"),
    path("<uuid:job_id>/cancel/", views.cancel, name="cancel"),
    path("<uuid:job_id>/retry/", views.retry, name="retry"),
]
