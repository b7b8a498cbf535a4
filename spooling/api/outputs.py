"""What the native API answers about mails, spoolers, jobs and suppressions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from spooling import ledger, subjects
from spooling.models import JobRequest, Mail, Spooler, Suppression
from spooling.models.jobs import JobState
from spooling.models.mails import MailState
from stats.models import Event

#: Columns of a list of mails: the bodies stay in the database.
MAIL_COLUMNS = (
    *("public_id", "email", "name", "state", "tries", "last_reply", "due_at", "created_at", "ended_at"),
    *("opened_at", "clicked_at", "variables", "spooler__token", "spooler__state"),
    *("content__subject", "content__from_name", "content__from_email", "content__template_language"),
    *("submission__tags", "submission__metadata"),
)


class PublicId(serializers.UUIDField):
    """128 bits as 32 hex digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="hex", read_only=True, **options)


class MailOutput(serializers.ModelSerializer):
    id = PublicId(source="public_id")
    spooler = serializers.CharField(source="spooler.token", read_only=True)
    subject = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    attempts = serializers.IntegerField(source="tries", read_only=True)
    delivered_at = serializers.SerializerMethodField()
    tags = serializers.ListField(child=serializers.CharField(), source="submission.tags", read_only=True)
    metadata = serializers.DictField(source="submission.metadata", read_only=True)

    class Meta:
        model = Mail
        fields = (
            *("id", "spooler", "subject", "state", "attempts", "last_reply", "due_at", "created_at"),
            *("delivered_at", "opened_at", "clicked_at", "tags", "metadata"),
        )

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language, so it cannot be declared above.
        fields = super().get_fields()
        pairs = {
            "from": serializers.CharField(source="content.from_email", read_only=True),
            "to": serializers.CharField(source="email", read_only=True),
        }
        return {"id": fields.pop("id"), "spooler": fields.pop("spooler"), **pairs, **fields}

    def get_subject(self, mail: Mail) -> str:
        """As this recipient sees it."""
        return subjects.shown(mail)

    @extend_schema_field(serializers.ChoiceField(choices=MailState.choices))
    def get_state(self, mail: Mail) -> str:
        return mail.shown_state(mail.spooler.state)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_delivered_at(self, mail: Mail) -> str | None:
        delivered = mail.ended_at if mail.state == MailState.DELIVERED else None
        return serializers.DateTimeField().to_representation(delivered) if delivered else None


class EventOutput(serializers.ModelSerializer):
    """One happening; never names an address."""

    mail = serializers.SerializerMethodField()
    spooler = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = ("id", "kind", "at", "mail", "spooler", "destination", "provider", "router", "detail")

    def get_mail(self, event: Event) -> str:
        return str(self.context["mail"])

    def get_spooler(self, event: Event) -> str:
        return str(self.context["spooler"])


class SpoolerOutput(serializers.ModelSerializer):
    domain = serializers.CharField(source="domain.name", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Spooler
        fields: tuple[str, ...] = (
            *("token", "name", "domain", "type", "state", "lane", "start_at", "not_after"),
            *("tags", "headers", "variables", "created_at", "ended_at"),
            *("launched_at", "closed_at", "paused_at", "paused_because"),
        )
        read_only_fields = fields


class LedgerOutput(serializers.Serializer):
    spooled = serializers.IntegerField()
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()
    blocked = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    expired = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    waiting = serializers.IntegerField()
    sending = serializers.IntegerField()
    in_doubt = serializers.IntegerField()
    balanced = serializers.BooleanField(help_text="spooled is the sum of the others.")


def ledger_of(spooler: Spooler) -> dict[str, int | bool]:
    """The figures as shown, and whether they add up."""
    figures = ledger.shown(spooler)
    return {**figures, "balanced": ledger.adds_up(figures)}


class JobOutput(serializers.ModelSerializer):
    id = PublicId(source="public_id")
    result = serializers.DictField(
        read_only=True, help_text="Of a job that is done, counts; of one that failed, the error."
    )

    class Meta:
        model = JobRequest
        fields = ("id", "kind", "state", "progress", "total", "result", "created_at", "ended_at")
        read_only_fields = fields


class AcceptedJob(serializers.Serializer):
    job = serializers.CharField(help_text="32 hex digits.")
    state = serializers.ChoiceField(choices=JobState.choices)


class SuppressionOutput(serializers.ModelSerializer):
    class Meta:
        model = Suppression
        fields = ("id", "address", "stream", "domain", "reason", "source", "created_at", "expires_at")
        read_only_fields = fields


class AcceptedMail(serializers.Serializer):
    id = serializers.CharField(help_text="32 hex digits.")
    to = serializers.CharField()
    state = serializers.ChoiceField(choices=MailState.choices)


class Accepted(serializers.Serializer):
    mails = AcceptedMail(many=True)
