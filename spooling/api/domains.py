"""`/api/v1/domains/`: sending domains, what to publish for them, and their signing keys."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from earwig import addresses, dns_checks, dns_records, domain_settings, domains, errors
from earwig.models import Account, DkimKey, Domain
from earwig.models.domains import Algorithm
from earwig.web.errors import Problem, Rejected
from earwig.web.serializers import StrictSerializer
from earwig.web.views import NativeView
from spooling.campaigns import domains as sending_domains

#: Remembered test recipients of a domain.
MOST_DRAFTS = 100


class SettingsInput(StrictSerializer):
    default = serializers.BooleanField(required=False)
    disabled = serializers.BooleanField(required=False)
    return_path_host = serializers.CharField(max_length=253, allow_blank=True, required=False)
    tracking_host = serializers.CharField(max_length=253, allow_blank=True, required=False)
    draft_addresses = serializers.ListField(
        child=serializers.CharField(max_length=320), max_length=MOST_DRAFTS, required=False
    )


class DomainInput(SettingsInput):
    name = serializers.CharField(max_length=253)


class DnsFindingOutput(serializers.Serializer):
    state = serializers.CharField()
    name = serializers.CharField(help_text="Where it was looked for.")
    expected = serializers.CharField()
    found = serializers.CharField()
    sentence = serializers.CharField(help_text="For people.")
    needed = serializers.BooleanField(help_text="False: the domain is in order without.")


class DnsOutput(serializers.Serializer):
    ok = serializers.BooleanField(allow_null=True, help_text="Null: nobody has looked yet.")
    checked_at = serializers.DateTimeField(allow_null=True)
    checks = serializers.DictField(child=DnsFindingOutput())


class DomainOutput(serializers.ModelSerializer):
    dns = serializers.SerializerMethodField()

    class Meta:
        model = Domain
        fields = (
            *("name", "default", "disabled", "return_path_host", "tracking_host", "draft_addresses"),
            *("verified_at", "dns", "created_at"),
        )
        read_only_fields = fields

    @extend_schema_field(DnsOutput)
    def get_dns(self, domain: Domain) -> dict[str, Any]:
        found = domain.dns_state
        state = {
            "ok": found.get("ok"),
            "checked_at": domain.dns_checked_at,
            "checks": found.get("checks", {}),
        }
        return dict(DnsOutput(state).data)


class RecordOutput(serializers.Serializer):
    check = serializers.CharField(help_text="Which of the domain's checks sees it.")
    name = serializers.CharField()
    type = serializers.CharField()
    value = serializers.CharField()
    zone_line = serializers.CharField(help_text="As a zone file has it.")


class KeyInput(StrictSerializer):
    algorithm = serializers.ChoiceField(choices=Algorithm.choices, default=Algorithm.RSA.value)


class KeyOutput(serializers.ModelSerializer):
    record = serializers.CharField(
        source="public_record", read_only=True, help_text="The value of its record."
    )

    class Meta:
        model = DkimKey
        fields = ("selector", "algorithm", "active", "record", "created_at")
        read_only_fields = fields


class DomainFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains", help_text="A part of it.")
    disabled = filters.BooleanFilter()
    verified = filters.BooleanFilter(field_name="verified_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Domain
        fields: tuple[str, ...] = ()


@extend_schema_view(
    list=extend_schema(summary="List sending domains, by name"),
    retrieve=extend_schema(summary="Show a sending domain"),
)
class DomainViewSet(NativeView, ReadOnlyModelViewSet):
    """Domains of the key's account, but those that were deleted."""

    serializer_class = DomainOutput
    filterset_class = DomainFilter
    lookup_field = "name"
    repeatable = ("create", "make_key", "rotate")
    queryset = Domain.objects.none()

    def get_queryset(self) -> QuerySet[Domain]:
        return Domain.objects.filter(account=self.credential.account_id, removed_at=None).order_by("name")

    def get_object(self) -> Domain:
        self.kwargs["name"] = addresses.canonical_domain(self.kwargs["name"])
        domain: Domain = super().get_object()
        return domain

    @extend_schema(
        summary="Add a sending domain",
        description=(
            "With an RSA key that signs. One that was deleted comes back with its keys. Publish its `records/`, "
            "then `check/` it."
        ),
        request=DomainInput,
        responses={201: DomainOutput},
    )
    def create(self, request: Request) -> HttpResponse:
        return self.once(self._create)

    @transaction.atomic
    def _create(self) -> tuple[int, Any]:
        settings = _valid(DomainInput, self.request.data)
        account = Account.objects.get(pk=self.credential.account_id)
        try:
            domain = domains.add_signed(account, name=settings.pop("name"), now=timezone.now())
        except (errors.InvalidDomain, errors.DomainExists, errors.DomainTaken) as error:
            raise _about("name", error) from None
        self.note("add", domain, fields=self.request.data)
        return 201, DomainOutput(_changed(domain, settings)).data

    @extend_schema(
        summary="Change a sending domain",
        description="What is not given stays. `default` is set by the domain that becomes it, and ends that of another.",
        request=SettingsInput,
        responses=DomainOutput,
    )
    @transaction.atomic
    def partial_update(self, request: Request, name: str) -> Response:
        domain = self.get_object()
        settings = _valid(SettingsInput, request.data)
        self.note("change", domain, fields=request.data)
        return Response(DomainOutput(_changed(domain, settings)).data)

    @extend_schema(
        summary="Delete a sending domain",
        description="What waits is still sent and signed. 409 while a campaign of it is launched and has not ended.",
        responses={204: None},
    )
    @transaction.atomic
    def destroy(self, request: Request, name: str) -> Response:
        domain = self.get_object()
        sending_domains.remove(domain, now=timezone.now())
        self.note("delete", domain)
        return Response(status=204)

    @extend_schema(summary="DNS records to publish for a domain", responses=RecordOutput(many=True))
    @action(detail=True, filterset_class=None)
    def records(self, request: Request, name: str) -> Response:
        return self._page(RecordOutput, dns_records.of(self.get_object()))

    @extend_schema(
        summary="Look at a domain's DNS records now",
        description="Takes some seconds at most. Verifies the domain where its ownership is proven.",
        request=None,
        responses=DomainOutput,
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def check(self, request: Request, name: str) -> Response:
        domain = self.get_object()
        dns_checks.check(domain, now=timezone.now())
        self.note("domain.check", domain)
        return Response(DomainOutput(self.get_object()).data)

    @extend_schema(
        summary="List a domain's signing keys, those that sign first", responses=KeyOutput(many=True)
    )
    @action(detail=True, filterset_class=None)
    def keys(self, request: Request, name: str) -> Response:
        return self._page(KeyOutput, self.get_object().dkim_keys.order_by("-active", "-id"))

    @extend_schema(
        summary="Make a signing key",
        description="The first of its algorithm signs at once; a later one waits for `rotate`.",
        request=KeyInput,
        responses={201: KeyOutput},
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def make_key(self, request: Request, name: str) -> HttpResponse:
        return self.once(self._make_key)

    @transaction.atomic
    def _make_key(self) -> tuple[int, Any]:
        domain = self.get_object()
        asked = _valid(KeyInput, self.request.data)
        key = domain_settings.make_next_key(domain, algorithm=asked["algorithm"], now=timezone.now())
        self.note("domain.make_key", domain)
        return 201, KeyOutput(key).data

    @extend_schema(
        summary="Let the newest signing keys sign",
        description="Publish their records before. 409 where none waits.",
        request=None,
        responses=KeyOutput(many=True),
    )
    @action(detail=True, methods=["post"], filterset_class=None, pagination_class=None)
    def rotate(self, request: Request, name: str) -> HttpResponse:
        return self.once(self._rotate)

    @transaction.atomic
    def _rotate(self) -> tuple[int, Any]:
        domain = self.get_object()
        domain_settings.rotate(domain)
        self.note("domain.rotate", domain)
        return 200, KeyOutput(domain.dkim_keys.order_by("-active", "-id"), many=True).data

    def _page(self, output: type[serializers.Serializer], rows: Any) -> Response:
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(output(page, many=True).data)


def _valid(shape: type[StrictSerializer], data: Any) -> dict[str, Any]:
    asked = shape(data=data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _changed(domain: Domain, settings: dict[str, Any]) -> Domain:
    """One setting after the other, so that what is refused has a name."""
    for name, value in settings.items():
        try:
            domain = domain_settings.change(domain, {name: value})
        except (errors.InvalidDomain, errors.InvalidAddress) as error:
            raise _about(name, error) from None
    return domain


def _about(field: str, error: errors.EarwigError) -> Rejected:
    return Rejected([Problem(None, field, error.code, error.message)])
