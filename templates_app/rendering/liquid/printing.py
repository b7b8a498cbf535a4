"""How Liquid prints values: the library would print what is in a list in Python's words, `None` and `True`."""

from typing import TextIO

from liquid import Markup, RenderContext, escape
from liquid.builtin import output
from liquid.builtin.tags import echo_tag


def text(value: object) -> str:
    """`value` as printed: nothing for null, the items of a list one after the other. Safe texts stay safe."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "".join(map(text, value))
    if isinstance(value, range):
        return f"{value.start}..{value.stop - 1}"
    return str(value)


def _written(value: object, *, autoescape: bool) -> str:
    if not autoescape:
        return text(value)
    if isinstance(value, list | tuple):
        return Markup("").join(map(text, value))
    return escape(text(value))


class _OutputNode(output.OutputNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(_written(self.expression.evaluate(context), autoescape=context.autoescape))


class _EchoNode(_OutputNode, echo_tag.EchoNode):
    pass


class OutputTag(output.Output):
    node_class = _OutputNode


class EchoTag(echo_tag.EchoTag):
    node_class = _EchoNode
