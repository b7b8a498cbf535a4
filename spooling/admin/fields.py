"""Fields of forms that several pages have."""

from __future__ import annotations

from typing import Any

from django import forms

from earwig import errors, mailboxes


class AddressField(forms.CharField):
    """A mail address, as the outbox stores it."""

    def clean(self, value: Any) -> str:
        address = super().clean(value)
        try:
            return mailboxes.normal(address)
        except errors.InvalidAddress as refused:
            raise forms.ValidationError(refused.message, code=refused.code) from None
