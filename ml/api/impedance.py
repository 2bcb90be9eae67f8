"""Versions of the impedance network as REST resources."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from battery_db.lib.permissions import Permission
from battery_db.lib.runs.models import Job
from eis.models import GuessNetwork
from eis.services.networks import choose_network
from ml.services import impedance as services


class GuessNetworkSerializer(serializers.ModelSerializer[GuessNetwork]):
    class Meta:
        model = GuessNetwork
        exclude = ["weights_name"]


class TrainingSerializer(serializers.Serializer[GuessNetwork]):
    steps = serializers.IntegerField(
        min_value=1, max_value=services.MOST_STEPS, allow_null=True, default=None
    )
    own_share = serializers.FloatField(min_value=0, max_value=1, default=0.5)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1)


class GuessNetworkViewSet(viewsets.ReadOnlyModelViewSet[GuessNetwork]):
    """Networks trained on the lab's spectra, by number. POST trains another, as a job."""

    permission = Permission.VIEW
    permission_by_method = {"POST": Permission.CURATE}
    queryset = GuessNetwork.objects.order_by("pk")
    serializer_class = GuessNetworkSerializer
    lookup_field = "number"

    @extend_schema(request=TrainingSerializer, responses={202: OpenApiTypes.OBJECT})
    def create(self, request: Request) -> Response:
        """Train a new version on the lab's spectra; it is not in use before it is chosen."""
        given = TrainingSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = services.request_training(
            **given.validated_data, by=request.user, trigger=Job.Trigger.API
        )
        location = f"/api/v1/jobs/{job.pk}/"
        told = {"job": str(job.pk), "url": location}
        return Response(told, status=202, headers={"Location": location})


class ChosenNetworkSerializer(serializers.Serializer[GuessNetwork]):
    number = serializers.IntegerField(allow_null=True, help_text="Null: the shipped network.")


class ChosenNetworkViewSet(viewsets.ViewSet):
    """Which network new fits start from. POST chooses one, as an admin."""

    permission = Permission.VIEW
    permission_by_method = {"POST": Permission.ADMINISTER}
    serializer_class = ChosenNetworkSerializer

    @extend_schema(responses=ChosenNetworkSerializer)
    def list(self, request: Request) -> Response:
        row = GuessNetwork.objects.filter(is_in_use=True).first()
        return Response({"number": row.number if row else None})

    @extend_schema(request=ChosenNetworkSerializer, responses=ChosenNetworkSerializer)
    def create(self, request: Request) -> Response:
        given = ChosenNetworkSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = choose_network(given.validated_data["number"], by=request.user)
        return Response({"number": row.number if row else None})
