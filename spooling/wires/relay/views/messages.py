"""`messages`, `messages/{id}` and `templates/{id}/message` (contract §5, §6.4)"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import mailboxes, variables
from spooling import submissions
from spooling.models import Content, Submission
from spooling.outbox.drafts import NewContent
from spooling.wires.relay import (
    dates,
    inputs,
    outputs,
    relations,
    sends,
    template_texts,
    wire,
)
from templates_app import templates
from templates_app.models import Template

#: Deliveries that a message links to.
MOST_LINKED = 200


class MessagesView(wire.WireView):
    """The collection."""

    reads = "message"
    scopes: ClassVar[dict[str, str]] = wire.SENDS

    def get(self, request: Request) -> HttpResponse:
        page = inputs.page(request.GET)
        window = inputs.window(request.GET, now=timezone.now())
        own = Submission.objects.filter(account=self.account_id, created_at__lt=window.end)
        if window.start is not None:
            own = own.filter(created_at__gte=window.start)
        rows = list(own.order_by("-id")[page.rows])
        contents = _contents(rows)
        href = f"{self.home}/messages"
        collection = outputs.Collection(
            href=href,
            relation="get-message-collection",
            page=page,
            query=request.GET.dict(),
            end=window.end,
        )
        links = [
            relations.link(href, "get-message-collection", "self"),
            relations.link(href, "create-message"),
            *self.ways_home(),
        ]
        items = [_item(self.home, row, contents.get(row.pk)) for row in rows]
        return self.answer(collection.document(items, own.count(), links), schema="message-collection-page")

    def post(self, request: Request) -> HttpResponse:
        fields = self.fields()
        content, letter = _content(fields), sends.read(fields)
        sends.refuse_tags(fields, content)
        fields.finish()
        link = relations.link(f"{self.home}/messages", "create-message", "self")
        return sends.send(self, letter, content, link=link)


class MessageView(wire.WireView):
    """One of them."""

    scopes = wire.READS

    def get(self, request: Request, id: str) -> HttpResponse:
        public_id = wire.guid(id)
        row = self.found(Submission.objects.filter(account=self.account_id), public_id=public_id)
        document = _item(self.home, row, _contents([row]).get(row.pk))
        ids = submissions.mails([row]).order_by("id").values_list("public_id", flat=True)[:MOST_LINKED]
        document["_links"] += [
            *(relations.link(f"{self.home}/deliveries/{each}", "get-delivery") for each in ids),
            *self.ways_home(),
        ]
        return self.answer(document, schema="message")


class TemplateMessageView(wire.WireView):
    """Sends a template with a model."""

    reads = "template-message"
    scopes: ClassVar[dict[str, str]] = wire.SENDS
    http_method_names = ["post", "options"]

    def post(self, request: Request, id: str) -> HttpResponse:
        template = template_texts.find(self.account_id, id)
        fields = self.fields()
        content, letter = _filled(fields, template), sends.read(fields)
        sends.refuse_tags(fields, dataclasses.replace(content, **letter.shared))
        fields.finish()
        href = f"{self.home}/templates/{template.public_id}/message"
        return sends.send(self, letter, content, link=relations.link(href, "create-template-message", "self"))


def _filled(fields: inputs.Fields, template: Template) -> NewContent:
    """What the template says, with what the call says itself; what is wrong is noted."""
    version = templates.current(template)
    shown = template_texts.shown(template, version)
    model = fields.variables("model", most=variables.OF_A_CONTENT)
    if fields.value("from_email"):
        author = fields.email("from_email")
    else:
        author = template_texts.author(shown.from_email, model)
    if not (shown.body or version.text):
        fields.refuse("body", "The template has no body yet.")
    return NewContent(
        from_email=author,
        from_name=fields.line("from_name", most=mailboxes.MAX_NAME) or shown.from_name,
        subject=fields.line("subject", most=template_texts.LONGEST_SUBJECT) or shown.subject,
        html=shown.body,
        text=version.text,
        template_language=template_texts.LANGUAGE,
        variables=model,
    )


def _content(fields: inputs.Fields) -> NewContent:
    """What a message says, as it is (quirk 9); what is wrong is noted."""
    content = NewContent(
        from_email=fields.email("from_email", required=True),
        from_name=fields.line("from_name", most=mailboxes.MAX_NAME),
        subject=fields.line("subject", required=True, most=template_texts.LONGEST_SUBJECT),
        html=fields.text("html"),
        text=fields.text("text"),
        template_language="plain",
    )
    if not (fields.value("html") or fields.value("text")):
        fields.require("html")
    return content


def _contents(rows: Sequence[Submission]) -> dict[int, Content]:
    """What each of these calls said, without its bodies."""
    ids = submissions.contents(rows)
    found = Content.objects.only("from_name", "from_email", "subject").in_bulk(ids.values())
    return {call: found[content_id] for call, content_id in ids.items() if content_id in found}


def _item(home: str, row: Submission, content: Content | None) -> dict[str, Any]:
    href = f"{home}/messages/{row.public_id}"
    said = content or Content()
    return {
        "id": str(row.public_id),
        "messageId": row.client_reference or None,
        "from_name": said.from_name,
        "from_email": said.from_email,
        "subject": said.subject,
        "date": dates.written(row.created_at),
        "metadata": row.metadata,
        "_links": [relations.link(href, "get-message")],
    }
