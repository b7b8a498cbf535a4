"""The two forms that people fill in."""

from __future__ import annotations

from django import forms
from django.core.validators import ProhibitNullCharactersValidator

from earwig.messages import feedback
from earwig.models.messages import FeedbackType, ResponseKind


class FeedbackForm(forms.Form):
    """Of a recipient; `none` is no choice (quirk 14)."""

    feedback_type = forms.ChoiceField(
        choices=[choice for choice in FeedbackType.choices if choice[0] != FeedbackType.NONE],
        label="What is wrong?",
    )
    note = forms.CharField(
        required=False,
        max_length=feedback.MOST_NOTE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        validators=[ProhibitNullCharactersValidator()],
    )


class ResponseForm(forms.Form):
    """Of an original sender."""

    communication_type = forms.ChoiceField(choices=ResponseKind.choices, label="What answer did you get?")
