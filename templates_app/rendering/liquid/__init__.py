"""Liquid, by python-liquid: Shopify's language without what loads other templates, and with a price on every step.
What its own limits leave open is closed here: its lexer is quadratic, and filters and ranges are unbounded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liquid import BoundTemplate
from liquid.ast import Node
from liquid.exceptions import BlockNestingError, LiquidError

from templates_app import errors
from templates_app.rendering import links, marking, transfer, values
from templates_app.rendering.liquid import environments
from templates_app.rendering.liquid.charges import Budget, Context
from templates_app.rendering.program import Program
from templates_app.rendering.targets import Limits, Target, Transfer

#: What library code raises for values that it did not expect, over and above its own errors.
_SURPRISES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The library's tree of a source, and the names that it asks the variables for."""

    nodes: Sequence[Node]
    names: frozenset[str]


def parse(source: str, limits: Limits) -> Parsed:
    """The tree of `source`.

    Raises TemplateSyntaxError, also for tags and filters that are not there, and RenderLimit for what `limits` forbid.
    """
    try:
        template = environments.of(limits, autoescape=False).template(source)
        names = template.global_variables(include_partials=False)
    except BlockNestingError:
        raise errors.RenderLimit(f"Its blocks are nested more than {limits.depth} deep.") from None
    except LiquidError as error:
        raise _syntax_error(error, source) from None
    except RecursionError:
        raise errors.RenderLimit("Its expressions are nested too deep.") from None
    except _SURPRISES as error:
        raise errors.TemplateSyntaxError(f"It ends in a {type(error).__name__}.", 1) from None
    return Parsed(template.nodes, frozenset(map(str, names)))


def build(parsed: Parsed, target: Target) -> Program[str] | Program[bytes]:
    """The program of a tree, escaping values for the target but those that the filter `safe` lets through."""
    environment = environments.of(target.limits, autoescape=target.escape == "html")
    template = environment.template_class(environment, list(parsed.nodes))
    written = _unchanged if target.transfer is Transfer.PLAIN else _encoded
    tracks = target.escape == "html" and (target.opens or target.clicks)
    return Program(parsed.names, _renderer(template, target, written, tracks), finds_links=tracks)


def _renderer(
    template: BoundTemplate, target: Target, written: Callable[[str, int], Any], tracks: bool
) -> Any:
    def render(variables: Mapping[str, object], links: links.Links = links.none) -> Any:
        context = Context(template, variables, Budget(target.limits))
        text = _rendered(template, context)
        if tracks:
            text = marking.rewritten(text, links, target)
        return written(text, target.limits.output)

    return render


def _rendered(template: BoundTemplate, context: Context) -> str:
    buffer = context.get_buffer()
    try:
        template.render_with_context(context, buffer)
    except LiquidError as error:
        raise errors.RenderFailed(_message(error)) from None
    except _SURPRISES as error:
        raise errors.RenderFailed(f"It ends in a {type(error).__name__}.") from None
    return buffer.getvalue()


def _unchanged(text: str, most: int) -> str:
    return text


def _encoded(text: str, most: int) -> bytes:
    transfer.check_size(text, most)
    encoded = transfer.encode(text)
    if len(encoded) > most:
        values.too_much_output()
    return encoded.encode()


def _syntax_error(error: LiquidError, source: str) -> errors.TemplateSyntaxError:
    position = error.token.start_index if error.token is not None else 0
    return errors.TemplateSyntaxError(_message(error), source.count("\n", 0, max(position, 0)) + 1)


def _message(error: LiquidError) -> str:
    """The library's words without its excerpt of the source, which may be long."""
    return str(error.message or "It is not understood.")[:200]
