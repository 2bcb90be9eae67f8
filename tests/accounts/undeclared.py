"""A URL configuration with two views that forgot to declare a permission."""

from django.http import HttpResponse
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.views import APIView


def page(request):
    return HttpResponse("for nobody")


class Endpoint(APIView):
    def get(self, request):
        return Response("for nobody")


urlpatterns = [
    path("page/", page),
    path("api/", Endpoint.as_view()),
    path("", include("battery_db.urls")),
]
