from cells.urls import datasets, files, registry

app_name = "cells"
urlpatterns = [*registry.urlpatterns, *files.urlpatterns, *datasets.urlpatterns]
