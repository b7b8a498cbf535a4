"""The pages behind tracked links that are ours. They hold nothing of anybody's but a domain's name."""

from __future__ import annotations

from html import escape

from django.http import HttpResponse

#: What the form may lead to is checked before it is redirected to; browsers apply this to redirects, too.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' http: https:; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem;cursor:pointer}}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""
#: The body of a form sent by the page's button.
CONFIRMED = b"confirm=yes"
_FORM = (
    "<p>You will get no more such mail{of}.</p>"
    '<form method="post"><input type="hidden" name="confirm" value="yes"><button>Unsubscribe</button></form>'
)


def question(domain: str) -> HttpResponse:
    """A button that unsubscribes: following a link must not, as programs follow links too."""
    return _page("Unsubscribe?", _FORM.format(of=f" of {escape(domain)}" if domain else ""))


def done() -> HttpResponse:
    return _page("You are unsubscribed.", "<p>You can close this page.</p>")


def _page(title: str, body: str) -> HttpResponse:
    response = HttpResponse(_PAGE.format(title=title, body=body), content_type="text/html; charset=utf-8")
    response["Content-Security-Policy"] = _POLICY
    response["X-Frame-Options"] = "DENY"
    return response
