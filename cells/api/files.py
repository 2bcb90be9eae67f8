"""REST resources about files: folders, files, names, and what waits for a person."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import BaseRouter

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission
from battery_db.lib.runs.models import Job
from cells.experiments import METADATA_FIELDS
from cells.filenames import Parsed, parse
from cells.forms.files import BOUNDS
from cells.models import FileMetadata, Folder, NameRule, RawFile
from cells.services import bulk_files, problems
from cells.services import files as services
from cells.tables.files import FileFilter


class JobAcceptedSerializer(serializers.Serializer[Any]):
    """A started job: watch ``url``."""

    id = serializers.UUIDField()
    state = serializers.CharField()
    title = serializers.CharField()
    url = serializers.CharField()


class FolderSerializer(serializers.ModelSerializer[Folder]):
    warning = serializers.SerializerMethodField()

    class Meta:
        model = Folder
        fields = [
            "id", "name", "path", "time_zone", "owner", "include", "exclude", "settle_seconds",
            "is_active", "scanned_at", "error", "warning",
        ]  # fmt: skip
        read_only_fields = ["scanned_at", "error"]

    def get_warning(self, folder: Folder) -> str:
        """Why a scan would fail now; told after a change only, as it asks the disk."""
        return str(self.context.get("warnings", {}).get(folder.pk, ""))


@extend_schema_field(OpenApiTypes.STR)
class KindField(serializers.Field[Any, Any, Any, Any]):
    """A kind of experiment, built in or one of the lab's own, by name or title."""

    def __init__(self) -> None:
        super().__init__(source="*", required=False)

    def to_representation(self, value: FileMetadata) -> str:
        return value.kind

    def to_internal_value(self, data: Any) -> dict[str, str]:
        kinds = NameRule.objects.grammar().choices
        words = {"": ""} | {word.lower(): key for key, title in kinds for word in (key, title)}
        key = words.get(str(data).strip().lower())
        if key is None:
            known = ", ".join(key for key, _ in kinds)
            raise serializers.ValidationError(
                f"{str(data)[:40]!r} is no kind; choose from {known}."
            )
        return {"experiment": key}


class MetadataSerializer(serializers.ModelSerializer[FileMetadata]):
    experiment = KindField()
    version = serializers.CharField(
        required=False,
        help_text="As it was when it was read: what others changed since is not overwritten.",
    )

    class Meta:
        model = FileMetadata
        fields = [*METADATA_FIELDS, "is_valid", "problems", "manual_fields", "version"]
        read_only_fields = ["is_valid", "problems", "manual_fields"]
        extra_kwargs = {
            name: {"min_value": low, "max_value": high} for name, (low, high) in BOUNDS.items()
        }


class FileSerializer(serializers.ModelSerializer[RawFile]):
    folder_name = serializers.CharField(source="folder.name", read_only=True)
    metadata = MetadataSerializer(read_only=True, allow_null=True, default=None)

    class Meta:
        model = RawFile
        fields = [
            "id", "folder", "folder_name", "path", "name", "size", "modified_at", "sha256", "state",
            "error", "duplicate_of", "deprecated", "deprecated_reason", "first_seen_at",
            "changed_at", "metadata",
        ]  # fmt: skip
        read_only_fields = fields


class FileChangeSerializer(MetadataSerializer):
    """One file and the fields to set; fields that are not named stay."""

    id = serializers.IntegerField(help_text="Of the file.")

    class Meta(MetadataSerializer.Meta):
        fields = ["id", "version", *METADATA_FIELDS]
        read_only_fields: list[str] = []


class RowErrorSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="From 1, as sent.")
    id = serializers.IntegerField(allow_null=True)
    field = serializers.CharField()
    message = serializers.CharField()


class RowsRefusedSerializer(serializers.Serializer[Any]):
    """Nothing was changed, because of these values."""

    error = serializers.CharField()
    fix = serializers.CharField()
    rows = RowErrorSerializer(many=True)


class CorrectedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Files that were not so before.")
    invalid = serializers.IntegerField(help_text="Of these, how many still lack a field.")


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300)


class ReparseSerializer(serializers.Serializer[Any]):
    discard_manual = serializers.BooleanField(
        default=False, help_text="Also discard the fields that were set by hand."
    )


class FileNameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=2000, trim_whitespace=False)
    folder = serializers.CharField(max_length=2000, default="", allow_blank=True)


class NameTokenSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    field = serializers.CharField(help_text="Empty: the word was not used.")
    meaning = serializers.CharField()


class FieldsSerializer(serializers.ModelSerializer[FileMetadata]):
    experiment = serializers.CharField()

    class Meta:
        model = FileMetadata
        fields = METADATA_FIELDS


class ExplanationSerializer(serializers.Serializer[Parsed]):
    is_valid = serializers.BooleanField()  # type: ignore[assignment]
    fields_ = FieldsSerializer(source="fields")
    tokens = NameTokenSerializer(many=True)
    problems = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, Any]:
        """``fields`` is taken by the serializer itself, so the key is named here."""
        named = super().get_fields()
        fields = named.pop("fields_")
        fields.source = None
        return {"fields": fields, **named}


class FolderViewSet(viewsets.ModelViewSet[Folder]):
    """Watched folders. Only administrators change them."""

    permission = Permission.VIEW
    permission_by_method = dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), Permission.ADMINISTER)
    queryset = Folder.objects.all()
    serializer_class = FolderSerializer

    def perform_create(self, serializer: Any) -> None:
        folder = services.add_folder(serializer.validated_data, by=self.request.user)
        self._answer(serializer, folder)

    def perform_update(self, serializer: Any) -> None:
        folder = services.edit_folder(
            serializer.instance, serializer.validated_data, by=self.request.user
        )
        self._answer(serializer, folder)

    def perform_destroy(self, instance: Folder) -> None:
        services.delete_folder(instance)

    def _answer(self, serializer: Any, folder: Folder) -> None:
        serializer.instance = folder
        serializer.context["warnings"] = {folder.pk: services.folder_warning(folder.path)}

    @extend_schema(request=None, responses={202: JobAcceptedSerializer})
    @action(detail=True, methods=["post"])
    def scan(self, request: Request, pk: str) -> Response:
        """Scan this folder now."""
        job = services.scan_now(self.get_object(), by=request.user, trigger=Job.Trigger.API)
        return accepted(job)


class FileViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[RawFile]
):
    """Files as found. PATCH corrects what a file is about; the disk is never written to."""

    permission = Permission.VIEW
    permission_by_method: dict[str, Permission] = {}
    queryset = RawFile.objects.select_related("folder", "metadata")
    serializer_class = FileSerializer
    filterset_class = FileFilter

    @extend_schema(request=MetadataSerializer(partial=True), responses=FileSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Set fields by hand; they are kept when the name is read again."""
        file = self.get_object()
        given = MetadataSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        version = values.pop("version", "")
        services.correct_metadata(file, values, version=version, by=request.user)
        return self._current()

    @extend_schema(
        request=FileChangeSerializer(many=True, partial=True),
        responses={
            200: CorrectedSerializer,
            202: JobAcceptedSerializer,
            400: RowsRefusedSerializer,
            409: RowsRefusedSerializer,
        },
    )
    @action(detail=False, methods=["patch"], pagination_class=None, filterset_class=None)
    def bulk(self, request: Request) -> Response:
        """Set fields of up to 5,000 files by hand: all of them, or none.

        More than 500 are changed by a job. 409 when a row with a ``version`` has changed.
        """
        rows = request.data
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise LabError("Expected a list of files with the fields to set.")
        try:
            if len(rows) > bulk_files.MOST_AT_ONCE:
                asked = {"rows": rows}
                return accepted(
                    bulk_files.request_change(
                        "correct", asked, by=request.user, trigger=Job.Trigger.API
                    )
                )
            changed = bulk_files.correct_many(rows, by=request.user)
        except bulk_files.RowsRefused as error:
            is_conflict = isinstance(error, bulk_files.RowsChanged)
            return Response(error.body, status=409 if is_conflict else 400)
        invalid = sum(not metadata.is_valid for metadata in changed)
        return Response({"changed": len(changed), "invalid": invalid})

    @extend_schema(request=ReasonSerializer, responses=FileSerializer)
    @action(detail=True, methods=["post"], permission_by_method={"POST": Permission.CURATE})
    def deprecate(self, request: Request, pk: str) -> Response:
        """Ignore the file until it is restored."""
        given = ReasonSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.deprecate([self.get_object()], given.validated_data["reason"], by=request.user)
        return self._current()

    @extend_schema(request=None, responses=FileSerializer)
    @action(detail=True, methods=["post"], permission_by_method={"POST": Permission.CURATE})
    def restore(self, request: Request, pk: str) -> Response:
        services.restore([self.get_object()], by=request.user)
        return self._current()

    @extend_schema(request=ReparseSerializer, responses=FileSerializer)
    @action(detail=True, methods=["post"])
    def reparse(self, request: Request, pk: str) -> Response:
        """Read the name again."""
        given = ReparseSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.reparse(
            self.get_object(),
            discard_manual=given.validated_data["discard_manual"],
            by=request.user,
        )
        return self._current()

    @extend_schema(
        parameters=[OpenApiParameter("id", int, OpenApiParameter.PATH)],
        responses=ExplanationSerializer,
    )
    @action(detail=True)
    def explanation(self, request: Request, pk: str) -> Response:
        """What the name is understood as, word by word."""
        return Response(
            ExplanationSerializer(self.get_object().parse_name(NameRule.objects.grammar())).data
        )

    def _current(self) -> Response:
        return Response(FileSerializer(self.get_object()).data)


class FilenameViewSet(viewsets.ViewSet):
    """The grammar of file names; nothing is stored."""

    permission = Permission.VIEW
    permission_by_method = {"POST": Permission.VIEW}

    @extend_schema(request=FileNameSerializer, responses=ExplanationSerializer)
    @action(detail=False, methods=["post"])
    def parse(self, request: Request) -> Response:
        """What a file name would be understood as, word by word."""
        given = FileNameSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        parsed = parse(**given.validated_data, grammar=NameRule.objects.grammar())
        return Response(ExplanationSerializer(parsed).data)


class UnregisteredSerializer(serializers.Serializer[Any]):
    cell_id = serializers.IntegerField()
    file_count = serializers.IntegerField()


class ProblemsSerializer(serializers.Serializer[Any]):
    """Counts are of all; files are listed by ``/files/?status=…``."""

    folders = FolderSerializer(many=True)
    unregistered_cells = UnregisteredSerializer(many=True)
    invalid_names = serializers.IntegerField()
    unreadable_files = serializers.IntegerField()
    duplicate_files = serializers.IntegerField()


class FileProblemViewSet(viewsets.ViewSet):
    """What about files waits for a person."""

    permission = Permission.VIEW

    @extend_schema(operation_id="file_problems", responses=ProblemsSerializer)
    def list(self, request: Request) -> Response:
        found = {
            "folders": problems.troubled_folders(),
            "unregistered_cells": problems.unregistered_cells()[:1000],
            "invalid_names": problems.invalid_names().count(),
            "unreadable_files": problems.unreadable_files().count(),
            "duplicate_files": problems.duplicate_files().count(),
        }
        return Response(ProblemsSerializer(found).data)


def accepted(job: Job) -> Response:
    """202 with the job and its address."""
    url = job.get_absolute_url()
    body = {"id": job.pk, "state": job.state, "title": job.title, "url": url}
    answer = JobAcceptedSerializer(body).data
    return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": url})


def register(router: BaseRouter) -> None:
    """Add the resources of this module to ``/api/v1/``."""
    router.register("folders", FolderViewSet, basename="folder")
    router.register("files", FileViewSet, basename="file")
    router.register("filenames", FilenameViewSet, basename="filename")
    router.register("file-problems", FileProblemViewSet, basename="file-problem")
