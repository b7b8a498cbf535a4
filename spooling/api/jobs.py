"""`/api/v1/jobs/`: accepted jobs that are not mails, and how far they are."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from earwig.web.views import NativeView
from spooling.api import outputs
from spooling.campaigns import recipient_imports
from spooling.models import JobRequest


@extend_schema_view(retrieve=extend_schema(summary="Show a job"))
class JobViewSet(NativeView, RetrieveModelMixin, GenericViewSet):
    """Jobs of the key's account."""

    serializer_class = outputs.JobOutput
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    queryset = JobRequest.objects.none()

    def get_queryset(self) -> QuerySet[JobRequest]:
        return JobRequest.objects.filter(account=self.credential.account_id)

    @extend_schema(
        summary="What an import of recipients refused",
        description="A CSV file; 404 where nothing was refused, and 7 days after the end of the job.",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    @action(detail=True)
    def errors(self, request: Request, id: str) -> HttpResponse:
        found = recipient_imports.errors_of(self.get_object())
        if found is None:
            raise Http404
        headers = {
            "Content-Disposition": 'attachment; filename="errors.csv"',
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(found, content_type="text/csv; charset=utf-8", headers=headers)
