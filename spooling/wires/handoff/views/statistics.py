"""`/statistics/<attempt>/<token>/` for original senders, `/management/statistics/overview/` for staff."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig.messages import responses, tokens
from earwig.models import DeliveryAttempt
from earwig.models.messages import ResponseKind
from spooling import attempts
from spooling.wires.handoff import page
from spooling.wires.handoff.errors import NoSuchObject
from spooling.wires.handoff.forms import ResponseForm


class ResponseView(page.PageView):
    """The original sender says what answer came; a later word replaces the earlier."""

    def get(self, request: Request, attempt_id: str, token: str) -> HttpResponse:
        _opened(attempt_id, token)
        return page.form(request, "response.html", {"form": ResponseForm()})

    def post(self, request: Request, attempt_id: str, token: str) -> HttpResponse:
        attempt = _opened(attempt_id, token)
        page.require_own_form(request)
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
        context = {
            "figures": figures,
            "columns": _LABELS,
            "stalled": stalled,
            "base": request.path.rstrip("/"),
        }
        return page.render("overview.html", context)


class TemplateView(page.StaffView):
    """The latest answers for one template."""

    def get(self, request: Request, template: str) -> HttpResponse:
        rows = list(responses.latest(template)) if "\0" not in template else []
        counts = [sum(row.kind == kind for row in rows) for kind in _COLUMNS]
        context = {"template": template, "rows": rows, "figures": [(template, counts)], "columns": _LABELS}
        return page.render("template.html", context)


_COLUMNS = (ResponseKind.GOOD, ResponseKind.BAD, ResponseKind.UNKNOWN, ResponseKind.NONE)
_LABELS = [kind.label for kind in _COLUMNS]


def _opened(attempt_id: str, token: str) -> DeliveryAttempt:
    attempt = page.attempt_of(attempt_id)
    if attempt is None:
        raise NoSuchObject
    page.require_token(attempt, token, tokens.Purpose.STATISTICS)
    return attempt
