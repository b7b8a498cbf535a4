"""What the native API answers about campaigns: how far they are, what they say, what became of new recipients."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from spooling import ledger
from spooling.api.outputs import LedgerOutput, SpoolerOutput
from spooling.campaigns import filling, progress
from spooling.models import Spooler
from spooling.outbox.drafts import NewContent


class ProgressOutput(serializers.Serializer):
    ledger = LedgerOutput()
    mails_per_minute = serializers.FloatField(help_text="Final replies, of late.")
    predicted_end_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was through, or will be at the earliest; null: not foreseeable."
    )


class CampaignOutput(SpoolerOutput):
    """A spooler, and how far it is."""

    progress = serializers.SerializerMethodField()

    class Meta(SpoolerOutput.Meta):
        fields: tuple[str, ...] = (*SpoolerOutput.Meta.fields, "progress")
        read_only_fields = fields

    def get_progress(self, spooler: Spooler) -> ProgressOutput:
        return progress_of(progress.of(spooler, now=self.context["now"]))  # type: ignore[return-value]


def progress_of(found: progress.Progress) -> dict[str, Any]:
    """The document of a progress."""
    figures = dict(found.figures)
    document = ProgressOutput(
        {
            "ledger": {**figures, "balanced": ledger.adds_up(figures)},
            "mails_per_minute": found.mails_per_minute,
            "predicted_end_at": found.predicted_end_at,
        }
    )
    return document.data


class AddressOutput(serializers.Serializer):
    email = serializers.CharField()
    name = serializers.CharField(allow_blank=True)


class FileOutput(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.CharField()
    cid = serializers.CharField(allow_blank=True)
    size = serializers.IntegerField(help_text="Bytes.")


class MessageOutput(serializers.Serializer):
    """What the mails of a campaign say, with its own headers and variables."""

    reply_to = AddressOutput(many=True)
    subject = serializers.CharField(allow_blank=True)
    html = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    template_language = serializers.CharField()
    language = serializers.CharField(allow_blank=True)
    variables = serializers.DictField()
    headers = serializers.DictField(child=serializers.CharField())
    track_opens = serializers.BooleanField()
    track_clicks = serializers.BooleanField()
    attachments = FileOutput(many=True)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language, so it cannot be declared above.
        return {"from": AddressOutput(allow_null=True), **super().get_fields()}


def message_of(content: NewContent) -> dict[str, Any]:
    """The document of a message."""
    author = {"email": content.from_email, "name": content.from_name} if content.from_email else None
    return {
        "from": author,
        "reply_to": [{"email": email, "name": name} for name, email in content.reply_to],
        "subject": content.subject,
        "html": content.html,
        "text": content.text,
        "template_language": content.template_language,
        "language": content.language,
        "variables": dict(content.variables),
        "headers": dict(content.headers),
        "track_opens": content.track_opens,
        "track_clicks": content.track_clicks,
        "attachments": [
            {"name": file.name, "type": file.type, "cid": file.cid, "size": len(file.data)}
            for file in content.files
        ],
    }


class OutcomeOutput(serializers.Serializer):
    id = serializers.CharField(help_text="Of the mail: 32 hex digits.")
    email = serializers.CharField()
    status = serializers.ChoiceField(choices=[filling.SPOOLED, filling.BLOCKED, filling.DUPLICATE])


class FilledOutput(serializers.Serializer):
    spooled = serializers.IntegerField()
    blocked = serializers.IntegerField(help_text="Their addresses are suppressed.")
    duplicate = serializers.IntegerField(help_text="The campaign has these addresses already.")
    recipients = OutcomeOutput(many=True, help_text="In the order of the call.")
