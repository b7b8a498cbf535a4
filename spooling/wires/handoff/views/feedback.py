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
from spooling.wires.handoff import page, wire
from spooling.wires.handoff.errors import InvalidSecret, NoSuchAttempt
from spooling.wires.handoff.forms import FeedbackForm


class FeedbackView(wire.WireView):
    """The page that every mail links to. GET never records: mail scanners open all links."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: Request, attempt_id: str, token: str) -> HttpResponse:
        attempt = page.attempt_of(attempt_id)
        refusal = _refusal(attempt, token)
        if refusal is None and attempt is not None and attempt.feedback_type != FeedbackType.NONE:
            refusal = _ALREADY
        return (
            page.refuse(refusal, 400)
            if refusal
            else page.form(request, "flag.html", {"form": FeedbackForm()})
        )

    def post(self, request: Request, attempt_id: str, token: str) -> HttpResponse:
        attempt = page.attempt_of(attempt_id)
        refusal = _refusal(attempt, token)
        if refusal or attempt is None:
            return page.refuse(refusal or _ALREADY, 400)
        if request.POST.get("List-Unsubscribe") == "One-Click":
            attempts.unsubscribe(attempt, now=timezone.now())
            return page.render("thanks.html")
        return self._submit(request, attempt)

    def _submit(self, request: Request, attempt: DeliveryAttempt) -> HttpResponse:
        if page.is_forged(request):
            return page.refuse("This form is out of date. Open the link of the mail again.", 403)
        form = FeedbackForm(request.POST)
        if attempt.feedback_type == FeedbackType.NONE and not form.is_valid():
            return page.form(request, "flag.html", {"form": form})
        try:
            attempts.flag(
                attempt,
                kind=form.cleaned_data["feedback_type"],
                note=form.cleaned_data["note"],
                now=timezone.now(),
            )
        except AlreadyFlagged:
            return page.refuse(_ALREADY, 400)
        return page.render("thanks.html")


_ALREADY = "already flagged"


def _refusal(attempt: DeliveryAttempt | None, token: str) -> str | None:
    """Why the link opens nothing: the attempt first, then its token (quirk 14)."""
    if attempt is None:
        return str(NoSuchAttempt())
    if not page.is_opened(attempt, token, tokens.Purpose.FLAG):
        return str(InvalidSecret())
    return None
