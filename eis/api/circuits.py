"""Circuits with a name, and comparisons of circuits, as REST resources."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from battery_db.lib.permissions import Permission
from eis.circuits import NAMED_CIRCUITS
from eis.models import LabCircuit
from eis.services import circuits as services


class LabCircuitSerializer(serializers.ModelSerializer[LabCircuit]):
    circuit = serializers.CharField(source="text", max_length=300, help_text="R0-p(R1,CPE1)-Wo1")
    name = serializers.CharField(max_length=60)

    class Meta:
        model = LabCircuit
        fields = ["id", "name", "circuit", "note", "made_at", "made_by"]
        read_only_fields = ["made_at", "made_by"]

    def create(self, validated_data: dict[str, Any]) -> LabCircuit:
        return services.save_circuit(
            validated_data["name"],
            validated_data["text"],
            note=validated_data.get("note", ""),
            by=self.context["request"].user,
        )


class LabCircuitViewSet(
    mixins.CreateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.ReadOnlyModelViewSet[LabCircuit],
):
    """Circuits that the lab composed and named. ``built-in`` lists the others."""

    permission = Permission.VIEW
    permission_by_method = {"DELETE": Permission.CURATE}
    queryset = LabCircuit.objects.order_by("pk")
    serializer_class = LabCircuitSerializer

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=False, url_path="built-in")
    def built_in(self, request: Request) -> Response:
        """The circuit of the thesis and the 24 of EISFitting: name, notation, parameters."""
        return Response(
            [
                {
                    "name": name,
                    "circuit": circuit.text,
                    "parameters": dict(
                        zip(circuit.parameter_names, circuit.parameter_units, strict=True)
                    ),
                }
                for name, circuit in NAMED_CIRCUITS.items()
            ]
        )
