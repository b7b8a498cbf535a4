"""What people type on a campaign's pages. Addresses go by POST alone: what stands in a URL is kept by browsers."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from unfold import widgets

from earwig import errors, mailboxes
from spooling.admin.fields import AddressField
from spooling.campaigns import drafts
from spooling.models import Mail, Spooler
from templates_app.admin.forms import VariablesField


class AddressForm(forms.Form):
    """Somebody's address, whoever that is."""

    address = AddressField(max_length=mailboxes.MAX_EMAIL, widget=widgets.UnfoldAdminTextInputWidget)


class PreviewForm(forms.Form):
    """Whose mail to show, by address, and with which values; `mail` is that recipient's mail."""

    address = forms.CharField(
        max_length=mailboxes.MAX_EMAIL,
        required=False,
        label="As this recipient gets it",
        help_text="Empty: nobody, with the values that all mails have.",
        widget=widgets.UnfoldAdminTextInputWidget,
    )
    variables = VariablesField(
        required=False,
        label="Values",
        help_text='A JSON object, such as {"name": "Ada"}. They go before the recipient\'s own.',
    )

    def __init__(self, *args: Any, spooler: Spooler, may_name: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.spooler = spooler
        self.mail: Mail | None = None
        if not may_name:
            del self.fields["address"]

    def clean_address(self) -> str:
        address = self.cleaned_data["address"].strip()
        if address:
            self.mail = self._mail_to(address)
        return str(address)

    def _mail_to(self, address: str) -> Mail:
        spellings = {address, _normal(address), _normal(address).lower()}
        mails = Mail.objects.to_addresses(spellings).filter(spooler=self.spooler)
        mail = mails.order_by("id").first()
        if mail is None:
            raise forms.ValidationError("The campaign has no mail to this address.", code="unknown")
        return mail


class DraftForm(forms.Form):
    """Whom test mails go to."""

    addresses = forms.CharField(
        label="To",
        help_text=f"Up to {drafts.MOST} addresses, one a line.",
        widget=widgets.UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
    )
    variables = VariablesField(
        required=False,
        label="Values",
        help_text='A JSON object, such as {"name": "Ada"}, for all of them.',
    )

    def clean_addresses(self) -> list[str]:
        typed = [text for text in re.split(r"[\s,;]+", self.cleaned_data["addresses"]) if text]
        if len(typed) > drafts.MOST:
            raise forms.ValidationError(f"At most {drafts.MOST} addresses.", code="too_many")
        wrong = [text for text in typed if not _normal(text)]
        if wrong:
            raise forms.ValidationError(f"No address: {', '.join(wrong)}", code="invalid")
        return typed


def _normal(address: str) -> str:
    """Empty: it is none."""
    try:
        return mailboxes.normal(address)
    except errors.InvalidAddress:
        return ""
