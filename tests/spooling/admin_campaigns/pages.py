"""A campaign's page as staff ask for it, and what stands on it."""

import re

from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from earwig.models import AuditEntry
from spooling import ledger
from spooling.campaigns import filling
from spooling.models import Mail
from spooling.outbox import intake

HTML = '<h1>Hello {{name}}</h1><img src="https://pictures.example/a.png"><script>alert(1)</script>'
CONTENT = intake.NewContent(
    from_email="news@shop.example",
    from_name="The shop",
    subject="Spring, {{name}}",
    html=HTML,
    text="Hello {{name}} from {{city}}\n",
)
#: Names of a campaign's buttons: those that move it, and those that only look.
LOOKS = {"preview", "why"}
VERBS = LOOKS | {
    *("launch", "pause", "resume", "finish", "cancel", "retry", "send_draft", "preflight", "postpone")
}
CONFIRMED = {"_form_submitted": "True"}
#: A number of the ledger on the page.
FIGURE = re.compile(r'<td data-figure="(\w+)">(?:<a [^>]*>)?(\d+)')


def fill(spooler, *emails):
    entries = [filling.Entry(email, variables={"name": email.partition("@")[0]}) for email in emails]
    filling.add(spooler, entries, api_key_id=None, now=timezone.now())
    return list(Mail.objects.filter(spooler=spooler).order_by("id"))


def url(what, spooler):
    return reverse(f"admin:spooling_spooler_{what}", args=(spooler.pk,))


def linked(what, spooler):
    return 'href="%s"' % url(what, spooler)


def page_of(browser, spooler):
    return browser.get(url("change", spooler)).content.decode()


def progress_of(browser, spooler):
    return browser.get(url("progress", spooler)).json()


def logged():
    entries = LogEntry.objects.values_list("object_repr", "change_message")
    return repr([*entries, *AuditEntry.objects.values_list("subject", "action", "detail")])


def press(browser, what, spooler, **typed):
    return browser.post(url(what, spooler), CONFIRMED | typed)


def fail(mail, reply="550 5.7.1 <b>refused</b>"):
    now = timezone.now()
    Mail.objects.filter(pk=mail.pk).update(state="failed", last_code=550, last_reply=reply, ended_at=now)
    ledger.book([(mail.account_id, mail.spooler_id)], source="waiting", target="failed", now=now)


def explained(browser, spooler, address):
    answer = browser.post(url("why", spooler), {"address": address})
    return answer.content.decode().partition("<section")[2]
