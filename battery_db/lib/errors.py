"""Errors a person can fix, and how the API words them."""

from typing import Any


class LabError(Exception):
    """Something a person can fix; shown where they look, never paged.

    ``message`` says what was expected and what was found (file, line, value);
    ``fix`` says what to do about it.
    """

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class UnreadableFile(LabError):
    """A file is there but its content can not be read as its format says."""


class UnknownFormat(LabError):
    """No reader recognises a file."""


class MissingColumn(UnreadableFile):
    """A file lacks a column that the job at hand needs."""


class AmbiguousName(LabError):
    """A file name or entity name can mean two things."""


class NotAllowed(LabError):
    """The request is understood and refused (in use, wrong state, duplicate)."""


def api_exception_handler(exc: Exception, context: dict[str, Any]) -> Any:
    """Word every API error as ``{"error": …, "fix": …, "fields": {…}}``."""
    from rest_framework import exceptions, status
    from rest_framework.response import Response
    from rest_framework.views import exception_handler

    if isinstance(exc, LabError):
        code = (
            status.HTTP_409_CONFLICT if isinstance(exc, NotAllowed) else status.HTTP_400_BAD_REQUEST
        )
        return Response({"error": exc.message, "fix": exc.fix}, status=code)
    response = exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, exceptions.ValidationError):
        response.data = {
            "error": "The request has fields that can not be accepted.",
            "fix": "Correct the fields named under 'fields' and send it again.",
            "fields": response.data,
        }
    else:
        response.data = {"error": str(getattr(exc, "detail", exc)), "fix": ""}
    return response
