"""Every error that a wire may be asked to answer, and one of each."""

from earwig.errors import EarwigError
from earwig.web import errors as web_errors
from earwig.web.limits import RateLimited, Window
from templates_app.errors import Flaw, TemplateRefused


def classes(wire):
    """Those of the product and of this wire, by their names. Another wire's own never come to it."""
    return sorted(set(_all(EarwigError, wire)), key=lambda cls: f"{cls.__module__}.{cls.__name__}")


def raised(cls):
    if issubclass(cls, RateLimited):
        return cls(Window(1, 0, 30))
    if issubclass(cls, web_errors.Rejected):
        return cls([web_errors.Problem(None, "mails", "invalid", "wrong")])
    if issubclass(cls, TemplateRefused):
        return cls([Flaw("text", "required", "wrong")])
    return cls("something")


def _all(cls, wire):
    """Modules of wires are named `spooling.wires.<name>.…`."""
    if cls.__module__.split(".")[:2] != ["spooling", "wires"] or cls.__module__.split(".")[2] == wire:
        yield cls
        for each in cls.__subclasses__():
            yield from _all(each, wire)
