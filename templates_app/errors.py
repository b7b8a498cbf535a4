"""What can go wrong with a template. Each class has a stable `code`; its docstring is the message."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from earwig.errors import EarwigError


class TemplateError(Exception):
    """The template cannot be used."""

    code: ClassVar[str] = "template"

    def __str__(self) -> str:
        return " ".join([type(self).__doc__ or self.code, *map(str, self.args)])


class TemplateSyntaxError(TemplateError):
    """The template's syntax is wrong."""

    code = "template_syntax"

    def __init__(self, detail: str, line: int) -> None:
        super().__init__(detail, line)
        self.detail = detail
        self.line = line

    def __str__(self) -> str:
        return f"{self.__doc__} Line {self.line}: {self.detail}"


class RenderLimit(TemplateError):
    """The template, or its result, is larger than allowed."""

    code = "render_limit"


class RenderFailed(TemplateError):
    """The template cannot work with these variables."""

    code = "render_failed"


class UnknownLanguage(TemplateError):
    """No such template language."""

    code = "unknown_language"


class UnsupportedValue(TemplateError):
    """A variable holds something that JSON cannot express."""

    code = "unsupported_value"


class NotConvertible(TemplateError):
    """A tag stands where HTML has no place for text; for inline styles it may stand in a comment."""

    code = "not_convertible"


class Flaw(NamedTuple):
    """One thing that keeps a template from being saved or rendered, and in which field."""

    field: str
    code: str
    message: str


class TemplateRefused(EarwigError):
    """The template has flaws; `flaws` names each with its field."""

    code = "template_refused"

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__("; ".join(f"{flaw.field}: {flaw.message}" for flaw in flaws))
        self.flaws = flaws


class TemplateExists(EarwigError):
    """There is a template of this name already."""

    code = "template_exists"


class TemplateInUse(EarwigError):
    """A message uses the template."""

    code = "in_use"
