"""What the verbs of templates refuse, in the words of the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import Http404

from earwig.web.errors import Problem, Rejected
from templates_app.errors import TemplateExists, TemplateRefused
from templates_app.models import Template, TemplateVersion

#: A flaw's field on the wire, where it is another.
_FIELDS = {"from_email": "from", "from_name": "from.name"}


@contextmanager
def named() -> Iterator[None]:
    """Names the field of what is refused; a template that was removed meanwhile is not found."""
    try:
        yield
    except TemplateRefused as error:
        raise Rejected(
            [Problem(None, _FIELDS.get(field, field), code, text) for field, code, text in error.flaws]
        ) from None
    except TemplateExists as error:
        raise Rejected([Problem(None, "name", error.code, error.message)]) from None
    except (Template.DoesNotExist, TemplateVersion.DoesNotExist):
        raise Http404 from None


def of(field: str, code: str, message: str) -> Rejected:
    """One problem of a body."""
    return Rejected([Problem(None, field, code, message)])
