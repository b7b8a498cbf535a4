"""Forms of keys: to issue one, to change one, to rotate one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from unfold import widgets

from earwig import errors, key_restrictions
from earwig.models import Account, ApiKey
from earwig.models.api_keys import Scope, SendAnswer


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, *, check: Callable[[list[str]], Any], **options: Any) -> None:
        super().__init__(
            required=False, widget=widgets.UnfoldAdminTextareaWidget(attrs={"rows": 3}), **options
        )
        self.check = check

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != _lines_of(data)

    def clean(self, value: Any) -> list[str]:
        lines = _lines_of(super().clean(value))
        try:
            self.check(lines)
        except errors.EarwigError as refused:
            raise forms.ValidationError(refused.message) from None
        return lines


class SendAnswerField(forms.ChoiceField):
    """The settings of wires, of which there is one."""

    def __init__(self) -> None:
        super().__init__(
            choices=[(answer.value, answer.value) for answer in SendAnswer],
            initial=SendAnswer.ONE.value,
            required=False,
            label="SMTPeter's answer",
            widget=widgets.UnfoldAdminSelectWidget,
            help_text="What SMTPeter's send answers. one: the number 1. ids: each message's id and recipient.",
        )

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return value.get("smtpeter", {}).get("send_answer", SendAnswer.ONE.value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial or {}) != (data or SendAnswer.ONE.value))

    def clean(self, value: Any) -> dict[str, Any]:
        return key_restrictions.smtpeter_settings(super().clean(value) or SendAnswer.ONE)


class KeyForm(forms.Form):
    """What staff may set of a key."""

    name = forms.CharField(max_length=200, required=False, widget=widgets.UnfoldAdminTextInputWidget)
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        initial=[Scope.SEND.value, Scope.READ.value],
        widget=widgets.UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="send: hand over mail. read: see mails and figures. manage: change people, spoolers, "
        "suppressions. keys: mint keys.",
    )
    allowed_ips = LinesField(
        label="Allowed IPs",
        check=key_restrictions.networks_of,
        help_text="One address or network a line. Empty: any.",
    )
    allowed_sender_domains = LinesField(
        check=key_restrictions.domains_of,
        help_text="One domain a line. Empty: any that the account may use.",
    )
    requests_per_minute = forms.IntegerField(
        min_value=1,
        required=False,
        widget=widgets.UnfoldAdminIntegerFieldWidget,
        help_text="Empty: no limit.",
    )
    expires_at = forms.SplitDateTimeField(
        required=False, widget=widgets.UnfoldAdminSplitDateTimeWidget, help_text="UTC. Empty: never."
    )
    wire_settings = SendAnswerField()


class IssueForm(KeyForm):
    """A new key, or one that clients of an old installation hold."""

    account = forms.ModelChoiceField(Account.objects.order_by("slug"), widget=widgets.UnfoldAdminSelectWidget)
    user = forms.ModelChoiceField(
        get_user_model().objects.order_by("username"),
        required=False,
        widget=widgets.UnfoldAdminSelectWidget,
        help_text="A user of the account whom the key acts for.",
    )
    old_key = forms.CharField(
        required=False,
        widget=widgets.UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="32 hex digits: take over this key of an old installation instead of making a new one.",
    )
    field_order = ("account", "user")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        account, user = cleaned.get("account"), cleaned.get("user")
        if account and user and not user.memberships.filter(account=account).exists():
            self.add_error("user", "The user does not belong to the account.")
        return cleaned


class ChangeForm(forms.ModelForm, KeyForm):
    """The same of a key that is in use."""

    class Meta:
        model = ApiKey
        fields = (
            "name",
            "scopes",
            "allowed_ips",
            "allowed_sender_domains",
            "requests_per_minute",
            "expires_at",
            "wire_settings",
        )


class RotateForm(forms.Form):
    overlap_hours = forms.IntegerField(
        min_value=0,
        max_value=24 * 365,
        initial=24,
        widget=widgets.UnfoldAdminIntegerFieldWidget,
        help_text="So long the old key still works. 0: it closes at once.",
    )


def _lines_of(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
