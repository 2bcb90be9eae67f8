"""What curators decide, over REST: cycles left out or taken back in, problems put aside."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission
from cycling.models import CurationChange, Polarity, Problem
from cycling.problems import KINDS
from cycling.quantities import HALF_CYCLE_QUANTITIES
from cycling.services import curation, problems

MOST_HALF_CYCLES = 100_000


class CurationChangeSerializer(serializers.ModelSerializer[CurationChange]):
    """One decision. ``half_cycle_count`` is how many half-cycles it changed."""

    made_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    undone_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    half_cycle_count = serializers.IntegerField(read_only=True)
    cell_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = CurationChange
        fields = [
            "id", "cell_id", "excludes", "reason", "cycles", "half_cycle_count", "made_at",
            "made_by", "undone_at", "undone_by",
        ]  # fmt: skip


class RegionSerializer(serializers.Serializer[Any]):
    """A rectangle on the plot of a quantity against absolute cycle number, ends included."""

    quantity = serializers.ChoiceField(choices=list(HALF_CYCLE_QUANTITIES), default="capacity")
    polarity = serializers.ChoiceField(choices=Polarity.choices, default="", allow_blank=True)
    first_cycle = serializers.FloatField()
    last_cycle = serializers.FloatField()
    minimum = serializers.FloatField(default=None, allow_null=True)
    maximum = serializers.FloatField(default=None, allow_null=True)


class DecisionSerializer(serializers.Serializer[Any]):
    """Which half-cycles of a cell, by one of ``cycles``, ``half_cycles`` and ``region``."""

    cell_id = serializers.IntegerField(min_value=1)
    excludes = serializers.BooleanField(
        default=True, help_text="False takes them back in; then no reason is needed."
    )
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)
    cycles = serializers.CharField(
        required=False, max_length=10_000, help_text="Absolute cycle numbers: 17, 100-102."
    )
    half_cycles = serializers.ListField(
        child=serializers.IntegerField(), required=False, max_length=MOST_HALF_CYCLES
    )
    region = RegionSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in ("cycles", "half_cycles", "region") if name in attrs]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise serializers.ValidationError(
                f"Expected one of cycles, half_cycles and region; found {found}."
            )
        return attrs


class DecidedSerializer(serializers.Serializer[Any]):
    half_cycles = serializers.IntegerField(help_text="How many were not so before.")
    change = CurationChangeSerializer(allow_null=True, help_text="Null where nothing changed.")


class UndoneSerializer(serializers.Serializer[Any]):
    half_cycles = serializers.IntegerField(help_text="How many are as they were before.")


class CurationChangeFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("cell_id")
    undone = django_filters.BooleanFilter("undone_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = CurationChange
        fields = ["cell_id", "excludes", "undone"]


class CurationChangeViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[CurationChange]
):
    """Decisions to leave half-cycles out of plots, exports and tensors, or to take them back in."""

    permission = Permission.VIEW
    permission_by_method = {"POST": Permission.CURATE}
    queryset = CurationChange.objects.select_related("made_by", "undone_by")
    serializer_class = CurationChangeSerializer
    filterset_class = CurationChangeFilter

    @extend_schema(request=DecisionSerializer, responses={201: DecidedSerializer})
    def create(self, request: Request) -> Response:
        """Leave half-cycles out, with a reason, or take them back in. Nothing is deleted."""
        given = DecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        change = _decided(given.validated_data, request.user)
        count = change.half_cycle_count if change else 0
        body = DecidedSerializer({"half_cycles": count, "change": change}).data
        return Response(body, status=201 if change else 200)

    @extend_schema(request=None, responses=UndoneSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Put back what this decision changed; what a later one settled stays."""
        change = self.get_object()
        count = curation.undo(change.cell_id, change.pk, by=request.user)
        return Response({"half_cycles": count})


class ProblemSerializer(serializers.ModelSerializer[Problem]):
    title = serializers.SerializerMethodField()
    dismissed_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = Problem
        fields = [
            "id", "kind", "title", "key", "text", "fix", "url", "first_seen_at", "dismissed_at",
            "dismissed_by", "dismissed_reason",
        ]  # fmt: skip

    def get_title(self, problem: Problem) -> str:
        return KINDS.get(problem.kind, problem.kind)


class DismissalSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300)


class ProblemFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=list(KINDS.items()))
    dismissed = django_filters.BooleanFilter("dismissed_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Problem
        fields = ["kind", "dismissed"]


class ProblemViewSet(viewsets.ReadOnlyModelViewSet[Problem]):
    """What the last night found that a person should see, each with what to do about it."""

    permission = Permission.VIEW
    permission_by_method = {"POST": Permission.CURATE}
    queryset = Problem.objects.select_related("dismissed_by")
    serializer_class = ProblemSerializer
    filterset_class = ProblemFilter

    @extend_schema(request=DismissalSerializer, responses=ProblemSerializer)
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """Put the problem aside with a reason; it stays aside for as long as it is found."""
        given = DismissalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        reason = given.validated_data["reason"]
        row = problems.dismiss(self.get_object().pk, reason, by=request.user)
        return Response(self.get_serializer(row).data)

    @extend_schema(request=None, responses=ProblemSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Take a dismissed problem up again."""
        row = problems.restore(self.get_object().pk, by=request.user)
        return Response(self.get_serializer(row).data)


def _decided(asked: dict[str, Any], by: Any) -> CurationChange | None:
    cell_id = asked["cell_id"]
    how = {"reason": asked["reason"], "restore": not asked["excludes"], "by": by}
    if "cycles" in asked:
        return curation.exclude_cycles(cell_id, asked["cycles"], **how)
    chosen = asked.get("half_cycles")
    if chosen is None:
        chosen = _in_region(cell_id, asked["region"])
    return curation.exclude_half_cycles(cell_id, chosen, **how)


def _in_region(cell_id: int, asked: dict[str, Any]) -> list[int]:
    quantity = HALF_CYCLE_QUANTITIES[asked.pop("quantity")][0]
    found = curation.half_cycles_in(cell_id, curation.Region(quantity, **asked))
    if not found:
        raise LabError(
            f"No half-cycle of cell {cell_id} lies in the region.",
            fix="Choose other limits; cycle numbers are absolute.",
        )
    return found
