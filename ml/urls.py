from django.urls import path

from ml.views import impedance

app_name = "ml"
urlpatterns = [
    path("impedance/", impedance.impedance, name="impedance"),
    path("impedance/choose/", impedance.choose, name="choose-impedance"),
    path("impedance/<int:number>/losses.json", impedance.losses, name="impedance-losses"),
]
