"""`/api/v1/people/`: recipients known by an id of another system, with their contacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import DestroyModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from earwig import errors, mailboxes, variables
from earwig.models import ContactDetail, Person
from earwig.models.people import BlockReason, ContactType
from earwig.web.errors import InUse, Problem, Rejected
from earwig.web.serializers import StrictSerializer, VariablesField
from earwig.web.views import NativeView

#: Each costs a statement or two of one transaction.
MAX_CONTACTS = 100


class ContactSerializer(StrictSerializer):
    type = serializers.ChoiceField(choices=ContactType.choices)
    value = serializers.CharField(max_length=254)
    note = serializers.CharField(max_length=100, allow_blank=True, default="")
    blocked = serializers.BooleanField(default=False)
    reason = serializers.ChoiceField(choices=BlockReason.choices, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["type"] == ContactType.EMAIL:
            try:
                attrs["value"] = mailboxes.normal(attrs["value"])
            except errors.InvalidAddress as error:
                raise serializers.ValidationError({"value": error.message}, code=error.code) from None
        attrs["reason"] = (attrs["reason"] or BlockReason.STAFF) if attrs["blocked"] else ""
        return attrs


class PersonSerializer(StrictSerializer):
    id = serializers.IntegerField(read_only=True)
    external_id = serializers.CharField(max_length=100)
    name = serializers.CharField(max_length=100, allow_blank=True, default="")
    lang = serializers.CharField(max_length=12, allow_blank=True, default="")
    # The stubs do not know that `many` takes it.
    contacts = ContactSerializer(many=True, default=list, max_length=MAX_CONTACTS)  # type: ignore[call-arg]
    attributes = VariablesField(most=variables.OF_A_PERSON, default=dict)

    def validate_contacts(self, contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({(contact["type"], contact["value"]) for contact in contacts}) != len(contacts):
            raise serializers.ValidationError("A contact stands here twice.", code="duplicate")
        return contacts


@extend_schema_view(
    list=extend_schema(summary="List people"),
    retrieve=extend_schema(summary="Show a person"),
    destroy=extend_schema(summary="Delete a person", description="409 when messages refer to them."),
)
class PersonViewSet(NativeView, DestroyModelMixin, ReadOnlyModelViewSet):
    """People of the key's account."""

    serializer_class = PersonSerializer
    filterset_fields = ("external_id", "name", "lang")
    repeatable = ("create",)
    queryset = Person.objects.none()

    def get_queryset(self) -> QuerySet[Person]:
        own = Person.objects.filter(account=self.credential.account_id)
        return own.prefetch_related("contacts").order_by("id")

    @extend_schema(summary="Add a person", responses={201: PersonSerializer})
    def create(self, request: Request) -> HttpResponse:
        return self.once(self._create)

    def _create(self) -> tuple[int, Any]:
        return 201, self._store(Person(account_id=self.credential.account_id))

    @extend_schema(
        summary="Change a person",
        description="What is not given stays; `contacts`, where given, replaces all of them.",
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        return Response(self._store(self.get_object()))

    @transaction.atomic
    def _store(self, person: Person) -> Any:
        action = "change" if person.pk else "add"
        # Not DRF's `partial`, which would also take contacts by half.
        given = self.request.data
        known = {"external_id": person.external_id} if person.pk else {}
        asked = PersonSerializer(data={**known, **given} if isinstance(given, dict) else given)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        _write(person, {name: data[name] for name in data if name in given or not person.pk})
        self.note(action, person, fields=given)
        return PersonSerializer(self.get_queryset().get(pk=person.pk)).data

    @transaction.atomic
    def perform_destroy(self, instance: Person) -> None:
        self.note("delete", instance)
        try:
            instance.delete()
        except ProtectedError:
            raise InUse from None


def _write(person: Person, data: dict[str, Any]) -> None:
    contacts = data.pop("contacts", None)
    for name, value in data.items():
        setattr(person, name, value)
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError:
        exists = Problem(None, "external_id", "person_exists", "There is a person of this id already.")
        raise Rejected([exists]) from None
    if contacts is not None:
        _replace_contacts(person, contacts)


def _replace_contacts(person: Person, contacts: Iterable[Mapping[str, Any]]) -> None:
    kept = [
        ContactDetail.objects.update_or_create(
            person=person,
            type=contact["type"],
            value=contact["value"],
            defaults={name: contact[name] for name in ("note", "blocked", "reason")},
        )[0].pk
        for contact in contacts
    ]
    person.contacts.exclude(pk__in=kept).delete()
