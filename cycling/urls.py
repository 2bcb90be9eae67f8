from django.urls import URLPattern

app_name = "cycling"
urlpatterns: list[URLPattern] = []
