"""`/api/v1/scoring/` and `/api/v1/spoolers/{token}/score/`: how good a message is before anybody gets it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig import domains
from earwig.models import Domain
from earwig.models.api_keys import Scope
from earwig.web.serializers import StrictSerializer
from earwig.web.views import NativeView
from spooling.campaigns import scores
from spooling.models import Spooler
from spooling.models.spoolers import Lane
from spooling.outbox.drafts import NewContent
from stats import scoring
from templates_app.api import fields

#: Characters of one body.
LONGEST_BODY = 2_000_000


class FindingOutput(serializers.Serializer):
    rule = serializers.CharField(help_text="Stable; for programs.")
    score = serializers.IntegerField(help_text="What it costs, below zero.")
    description = serializers.CharField(help_text="For people.")


class ScoreOutput(serializers.Serializer):
    score = serializers.IntegerField(help_text="0 is the worst, 100 the best.")
    block = serializers.BooleanField(
        help_text=f"So bad that it should not be sent: below {scoring.BLOCKED_BELOW}, or by one rule alone."
    )
    details = FindingOutput(many=True)


class MessageInput(StrictSerializer):
    subject = serializers.CharField(max_length=2_000, allow_blank=True, default="")
    html = serializers.CharField(max_length=LONGEST_BODY, allow_blank=True, trim_whitespace=False, default="")
    text = serializers.CharField(max_length=LONGEST_BODY, allow_blank=True, trim_whitespace=False, default="")
    headers = serializers.DictField(child=serializers.CharField(max_length=4_000), default=dict)
    lane = serializers.ChoiceField(choices=Lane.choices, default=Lane.BULK.value)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language, so it cannot be declared above.
        author = fields.AuthorField(
            required=False, allow_null=True, help_text="Without it the default domain signs."
        )
        return {**super().get_fields(), "from": author}


class ScoringViewSet(NativeView, GenericViewSet):
    """Scores of messages that are stored nowhere."""

    scopes = {"POST": Scope.READ}
    serializer_class = MessageInput

    @extend_schema(
        summary="Score a message",
        description="Rules take points from a hundred; each that did is listed. Nothing is stored or sent.",
        request=MessageInput,
        responses=ScoreOutput,
    )
    def message(self, request: Request) -> Response:
        asked = MessageInput(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        content = NewContent(
            **(data.get("from") or fields.NOBODY),
            **{part: data[part] for part in ("subject", "html", "text")},
            headers=tuple(data["headers"].items()),
        )
        signing = self._signing_domain(content.from_email)
        return Response(asdict(scores.of_content(content, domain_id=signing, lane=data["lane"])))

    def _signing_domain(self, email: str) -> int | None:
        if email:
            return domains.sending_domain(self.credential.account_id, email)
        own = Domain.objects.filter(account=self.credential.account_id, default=True, removed_at=None)
        return own.values_list("pk", flat=True).first()


class SpoolerScoreViewSet(NativeView, GenericViewSet):
    """Scores of the campaigns of the key's account."""

    serializer_class = ScoreOutput
    lookup_field = "token"
    queryset = Spooler.objects.none()

    def get_queryset(self) -> QuerySet[Spooler]:
        return Spooler.objects.campaigns_of(self.credential.account_id)

    @extend_schema(
        summary="The score of a campaign's message",
        description="As it would be sent now. Without a message the score is 0, and blocked.",
        responses=ScoreOutput,
    )
    def retrieve(self, request: Request, token: str) -> Response:
        return Response(asdict(scores.of_spooler(self.get_object())))
