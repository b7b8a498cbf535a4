"""`/api/v1/jobs/`: accepted jobs that are not mails, and how far they are."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from earwig.web.views import NativeView
from spooling.api import outputs
from spooling.models import JobRequest


@extend_schema_view(retrieve=extend_schema(summary="Show a job"))
class JobViewSet(NativeView, RetrieveModelMixin, GenericViewSet):
    """Jobs of the key's account."""

    serializer_class = outputs.JobOutput
    lookup_url_kwarg = "id"
    queryset = JobRequest.objects.none()

    def get_queryset(self) -> QuerySet[JobRequest]:
        return JobRequest.objects.filter(account=self.credential.account_id)

    def get_object(self) -> JobRequest:
        try:
            return self.get_queryset().get(public_id=uuid.UUID(hex=self.kwargs["id"]))
        except (ValueError, JobRequest.DoesNotExist):
            raise Http404 from None
