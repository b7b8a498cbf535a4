"""`/api/v1/providers/`: the mailbox providers that figures and routes speak of, and the domains of each."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig.web.views import NativeView
from stats import providers


class ProviderOutput(serializers.Serializer):
    name = serializers.CharField()
    domains = serializers.ListField(
        child=serializers.CharField(), help_text="None of `other`: it has all the rest."
    )


class ProviderViewSet(NativeView, GenericViewSet):
    """The same for every account."""

    serializer_class = ProviderOutput
    filter_backends = ()

    @extend_schema(summary="List mailbox providers, by name", responses=ProviderOutput(many=True))
    def list(self, request: Request) -> Response:
        known = [{"name": name, "domains": providers.domains(name)} for name in providers.NAMES]
        page = self.paginate_queryset(known)
        return self.get_paginated_response(ProviderOutput(page, many=True).data)
