"""`/statistics/<attempt>/<token>/` for original senders, `/management/statistics/overview/` for staff."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig.messages import responses, tokens
from earwig.models import DeliveryAttempt
from earwig.models.messages import ResponseKind
from spooling import attempts
from spooling.wires.handoff import page, wire
from spooling.wires.handoff.forms import ResponseForm


class ResponseView(wire.WireView):
    """The original sender says what answer came; a later word replaces the earlier."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: Request, attempt_id: str, token: str) -> HttpResponse:
        attempt = page.attempt_of(attempt_id)
        return _refusal(attempt, token) or page.form(request, "response.html", {"form": ResponseForm()})

    def post(self, request: Request, attempt_id: str, token: str) -> HttpResponse:
        attempt = page.attempt_of(attempt_id)
        refusal = _refusal(attempt, token)
        if refusal or attempt is None:
            return refusal or page.refuse("no such attempt", 404)
        if page.is_forged(request):
            return page.refuse("This form is out of date. Open the link again.", 403)
        form = ResponseForm(request.POST)
        if not form.is_valid():
            return page.form(request, "response.html", {"form": form})
        responses.say(attempt, kind=form.cleaned_data["communication_type"], now=timezone.now())
        return page.render("thanks.html")


class OverviewView(page.StaffView):
    """Answers by template."""

    def get(self, request: Request) -> HttpResponse:
        figures = [
            (template, [counts[kind] for kind in _COLUMNS])
            for template, counts in responses.breakdown().items()
        ]
        stalled = attempts.stalled(timezone.now()).count()
        return page.render("overview.html", {"figures": figures, "columns": _LABELS, "stalled": stalled})


class TemplateView(page.StaffView):
    """The latest answers for one template."""

    def get(self, request: Request, template: str) -> HttpResponse:
        rows = list(responses.latest(template)) if "\0" not in template else []
        counts = [sum(row.kind == kind for row in rows) for kind in _COLUMNS]
        context = {"template": template, "rows": rows, "figures": [(template, counts)], "columns": _LABELS}
        return page.render("template.html", context)


_COLUMNS = (ResponseKind.GOOD, ResponseKind.BAD, ResponseKind.UNKNOWN, ResponseKind.NONE)
_LABELS = [kind.label for kind in _COLUMNS]


def _refusal(attempt: DeliveryAttempt | None, token: str) -> HttpResponse | None:
    if attempt is None:
        return page.refuse("no such attempt", 404)
    if not page.is_opened(attempt, token, tokens.Purpose.STATISTICS):
        return page.refuse("invalid secret", 400)
    return None
