"""What can go wrong with a template. Each class has a stable `code`; its docstring is the message."""

from typing import ClassVar


class TemplateError(Exception):
    """The template cannot be used."""

    code: ClassVar[str] = "template"

    def __init__(self, detail: str = "") -> None:
        message = type(self).__doc__ or self.code
        super().__init__(f"{message} {detail}" if detail else message)


class TemplateSyntaxError(TemplateError):
    """The template's syntax is wrong."""

    code = "template_syntax"

    def __init__(self, detail: str, *, line: int) -> None:
        super().__init__(f"Line {line}: {detail}")
        self.line = line


class RenderLimit(TemplateError):
    """The template, or its result, is larger than allowed."""

    code = "render_limit"


class UnknownLanguage(TemplateError):
    """No such template language."""

    code = "unknown_language"


class UnsupportedValue(TemplateError):
    """A variable holds something that JSON cannot express."""

    code = "unsupported_value"
