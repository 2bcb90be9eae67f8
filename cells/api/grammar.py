"""The rules of file names over REST: kinds of experiment, their words and what they need."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import BaseRouter

from battery_db.lib.permissions import Permission
from cells.models import FileMetadata, NameRule
from cells.models.grammar import NEEDABLE
from cells.services import grammar as services


class NameRuleSerializer(serializers.ModelSerializer[NameRule]):
    """``id`` is null for the built-in rules, which hold until the first change copies them."""

    title = serializers.CharField(read_only=True)
    words = serializers.ListField(child=serializers.CharField(max_length=20), default=list)
    cyclers = serializers.ListField(
        child=serializers.ChoiceField(choices=["", *FileMetadata.Cycler.values]),
        help_text="Cyclers it is known from; an empty text is none named.",
    )
    needs = serializers.ListField(child=serializers.ChoiceField(choices=NEEDABLE), default=list)

    class Meta:
        model = NameRule
        fields = ["id", "experiment", "title", "behaviour", "code", "words", "cyclers", "needs"]


class SavedRuleSerializer(NameRuleSerializer):
    job = serializers.SerializerMethodField(help_text="The job that reads all names again.")

    class Meta(NameRuleSerializer.Meta):
        fields = [*NameRuleSerializer.Meta.fields, "job"]

    def get_job(self, rule: NameRule) -> str:
        return f"/api/v1/jobs/{self.context['job'].pk}/"


class NameRuleViewSet(viewsets.GenericViewSet[NameRule]):
    """What a file name of one kind of experiment and some cyclers is to say.

    Only administrators change them. All names are then read again; what people have set
    is kept. A kind that is not built in is added by naming it, with a ``behaviour``.
    """

    permission = Permission.VIEW
    permission_by_method = dict.fromkeys(("POST", "PATCH", "DELETE"), Permission.ADMINISTER)
    queryset = NameRule.objects.all()
    serializer_class = NameRuleSerializer
    pagination_class = None

    @extend_schema(responses=NameRuleSerializer(many=True))
    def list(self, request: Request) -> Response:
        return Response(NameRuleSerializer(services.own_rules(), many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(NameRuleSerializer(self.get_object()).data)

    @extend_schema(responses={201: SavedRuleSerializer})
    def create(self, request: Request) -> Response:
        """Add a rule; the first one copies the built-in rules, which are then the lab's own."""
        return self._save(NameRule(), request, status.HTTP_201_CREATED)

    @extend_schema(request=NameRuleSerializer(partial=True), responses=SavedRuleSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        return self._save(self.get_object(), request, status.HTTP_200_OK)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        services.delete_rule(self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _save(self, rule: NameRule, request: Request, code: int) -> Response:
        partial = not rule._state.adding
        given = NameRuleSerializer(rule, data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        values: dict[str, Any] = given.validated_data
        job = services.save_rule(rule, values, by=request.user)
        return Response(SavedRuleSerializer(rule, context={"job": job}).data, status=code)


def register(router: BaseRouter) -> None:
    """Add the resources of this module to ``/api/v1/``."""
    router.register("name-rules", NameRuleViewSet, basename="name-rule")
