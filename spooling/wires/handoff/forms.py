"""The two forms that people fill in."""

from __future__ import annotations

from django import forms
from django.core.validators import ProhibitNullCharactersValidator

from earwig.messages import feedback
from earwig.models.messages import FeedbackType, ResponseKind


class FeedbackForm(forms.Form):
    """Of a recipient; `none` is no choice (quirk 14). First what most who open the link want."""

    feedback_type = forms.ChoiceField(
        choices=[
            (FeedbackType.UNSUBSCRIBE, "Send me no more of these mails"),
            (FeedbackType.BAD_METHOD, "Do not write to this address"),
            (FeedbackType.WRONG_PERSON, "I am not the person meant"),
            (FeedbackType.OFFENSIVE, "The message is offensive"),
        ],
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
