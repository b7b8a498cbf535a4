"""`/flag/<attempt>/<token>/`"""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig.errors import AlreadyFlagged
from earwig.messages import tokens
from earwig.models import DeliveryAttempt
from earwig.models.messages import FeedbackType
from spooling import attempts
from spooling.wires.handoff import page
from spooling.wires.handoff.errors import NoSuchAttempt
from spooling.wires.handoff.forms import FeedbackForm


class FeedbackView(page.PageView):
    """The page that every mail links to. GET never records: mail scanners open all links."""

    def get(self, request: Request, attempt_id: str, token: str) -> HttpResponse:
        _require_unused(_opened(attempt_id, token))
        return page.form(request, "flag.html", {"form": FeedbackForm()})

    def post(self, request: Request, attempt_id: str, token: str) -> HttpResponse:
        attempt = _opened(attempt_id, token)
        if request.POST.get("List-Unsubscribe") == "One-Click":
            attempts.unsubscribe(attempt, now=timezone.now())
            return page.render("thanks.html")
        _require_unused(attempt)
        page.require_own_form(request)
        form = FeedbackForm(request.POST)
        if not form.is_valid():
            return page.form(request, "flag.html", {"form": form})
        kind, note = form.cleaned_data["feedback_type"], form.cleaned_data["note"]
        attempts.flag(attempt, kind=kind, note=note, now=timezone.now())
        return page.render("thanks.html")


def _opened(attempt_id: str, token: str) -> DeliveryAttempt:
    """The attempt first, then its token (quirk 14)."""
    attempt = page.attempt_of(attempt_id)
    if attempt is None:
        raise NoSuchAttempt
    page.require_token(attempt, token, tokens.Purpose.FLAG)
    return attempt


def _require_unused(attempt: DeliveryAttempt) -> None:
    if attempt.feedback_type != FeedbackType.NONE:
        raise AlreadyFlagged
