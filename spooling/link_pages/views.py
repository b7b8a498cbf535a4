"""`/t/`: what tracked links lead to. An answer below 400 to a hit means that its event is stored."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from earwig import domains
from earwig.web import customer_content
from spooling import errors
from spooling.delivery import letters
from spooling.link_pages import pages
from spooling.models import Mail
from spooling.tracking import answers, hits, tokens, unsubscriptions
from spooling.tracking.tokens import Token

#: A copy of a mail shows its pictures and lets its links open; it runs nothing, and sends no forms.
_MIRROR_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    "style-src 'unsafe-inline' http: https:; font-src http: https: data:; media-src http: https:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
#: A longer body than any that asks to unsubscribe is not read.
_LONGEST_CONFIRMATION = 200

View = Callable[[HttpRequest, str], HttpResponse]


def _tracked(kind: bytes) -> Callable[[Callable[[HttpRequest, Token], HttpResponse]], View]:
    """A view that gets the token of its kind, or is not there; its answers are kept by nobody."""

    def wrap(view: Callable[[HttpRequest, Token], HttpResponse]) -> View:
        def answer(request: HttpRequest, token: str) -> HttpResponse:
            try:
                response = view(request, tokens.read(token, kind))
            except errors.LinkUnknown:
                raise Http404 from None
            for name, value in answers.PRIVATE.items():
                response.headers[name] = value
            return response

        return answer

    return wrap


def _hit(kind: bytes) -> View:
    @require_safe
    def view(request: HttpRequest, token: str) -> HttpResponse:
        try:
            answer = answers.answer(kind, token, request.META, now=timezone.now())
        except errors.LinkUnknown:
            raise Http404 from None
        return HttpResponse(answer.body, status=answer.status, headers=answer.headers)

    return view


#: As a rule these are answered before they come here (config/tracked_links.py).
click, pixel = _hit(answers.CLICK), _hit(answers.PIXEL)


@require_safe
@_tracked(b"m")
def mirror(request: HttpRequest, token: Token) -> HttpResponse:
    """The mail as its recipient got it; gone when it is erased."""
    mail = Mail.objects.filter(pk=token.mail_id).first()
    if mail is None:
        raise errors.LinkUnknown
    shown = letters.page(mail)
    if not shown:
        return HttpResponse("gone", status=HTTPStatus.GONE, content_type="text/plain; charset=utf-8")
    hits.record(token, answers.visitor(request.META), now=timezone.now())
    response = customer_content.page(shown)
    response["Content-Security-Policy"] = _MIRROR_POLICY
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@_tracked(b"u")
def unsubscribe(request: HttpRequest, token: Token) -> HttpResponse:
    """GET asks. POST does it: by the button of that page, else by one click (RFC 8058)."""
    if request.method != "POST":
        return pages.question(domains.name_of(hits.find(token).mail.domain_id))
    place = unsubscriptions.unsubscribe(token, answers.visitor(request.META), now=timezone.now())
    if not _is_confirmed(request):
        return HttpResponse("unsubscribed", content_type="text/plain; charset=utf-8")
    landing = unsubscriptions.landing(place)
    if landing.url:
        return HttpResponse(status=HTTPStatus.FOUND, headers=answers.redirection(landing.url))
    return customer_content.page(landing.page) if landing.page else pages.done()


def _is_confirmed(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length.isdecimal() and int(length) <= _LONGEST_CONFIRMATION and request.body == pages.CONFIRMED
