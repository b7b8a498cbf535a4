"""What can go wrong with a template. Each class has a stable `code`; its docstring is the message."""

from typing import ClassVar


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


class UnknownLanguage(TemplateError):
    """No such template language."""

    code = "unknown_language"


class UnsupportedValue(TemplateError):
    """A variable holds something that JSON cannot express."""

    code = "unsupported_value"
