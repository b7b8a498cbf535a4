"""Forgetting a sender: `earwig`'s page with the one action that reaches into the tables above it."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from earwig.admin import pages
from earwig.admin.senders import SenderAdmin
from earwig.models import Sender
from spooling import privacy

# Imports run downhill: the page below cannot offer what stands above it, so it is replaced by one that does.
admin.site.unregister(Sender)


@admin.register(Sender)
class ForgettingSenderAdmin(SenderAdmin):
    actions_detail = ("forget",)

    @action(
        description="Forget",
        permissions=["operate"],
        dialog=pages.asks(
            "Forget",
            "Address and name are erased everywhere, at once; messages, ids and counts stay. This cannot be undone.",
        ),
    )
    def forget(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        sender = pages.row_or_404(Sender, object_id)
        if privacy.forget(sender, now=timezone.now()) is None:
            self.message_user(request, "The sender is forgotten already.", messages.WARNING)
        else:
            self.note(request, "forget", sender)
            self.message_user(request, "The sender is forgotten.", messages.SUCCESS)
        return pages.moved_to(sender)
