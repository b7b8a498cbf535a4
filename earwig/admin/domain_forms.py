"""Forms of sending domains."""

from __future__ import annotations

from django import forms
from unfold import widgets

from earwig import domain_settings, errors
from earwig.models import Account, Domain


class NewDomainForm(forms.Form):
    account = forms.ModelChoiceField(Account.objects.order_by("slug"), widget=widgets.UnfoldAdminSelectWidget)
    name = forms.CharField(max_length=253, widget=widgets.UnfoldAdminTextInputWidget)


class DomainForm(forms.ModelForm):
    class Meta:
        model = Domain
        fields = ("default", "disabled", "return_path_host", "tracking_host")
        help_texts = {
            "return_path_host": "Where bounces of its mails go, for example bounces.example.org; "
            "empty: to the installation's own host.",
            "tracking_host": "Where its tracked links lead, for example click.example.org; "
            "empty: to the installation's own host.",
        }

    def clean_default(self) -> bool:
        if self.instance.default and not self.cleaned_data["default"]:
            raise forms.ValidationError("Make another domain the default instead.")
        return bool(self.cleaned_data["default"])

    def clean_return_path_host(self) -> str:
        return self._host("return_path_host")

    def clean_tracking_host(self) -> str:
        return self._host("tracking_host")

    def _host(self, field: str) -> str:
        try:
            return domain_settings.host(self.instance, str(self.cleaned_data[field]))
        except errors.InvalidDomain as refused:
            raise forms.ValidationError(refused.message) from None
