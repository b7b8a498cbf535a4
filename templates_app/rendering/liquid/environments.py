"""What python-liquid's languages consist of here: our lexer, its tags but those that load, our filters."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial

from liquid import BoundTemplate, Environment, Token
from liquid.ast import Node
from liquid.builtin import content, illegal
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    case_tag,
    comment_tag,
    cycle_tag,
    decrement_tag,
    for_tag,
    if_tag,
    ifchanged_tag,
    increment_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.exceptions import UnknownFilterError
from liquid.expression import Expression

from templates_app.rendering.liquid.charges import PaidLoop, PaidRange
from templates_app.rendering.liquid.filters import FILTERS
from templates_app.rendering.liquid.lexing import Lexer
from templates_app.rendering.liquid.printing import EchoTag, OutputTag
from templates_app.rendering.targets import Limits


class ForTag(for_tag.ForTag):
    node_class = PaidLoop


_TAGS = (
    *(content.Literal, OutputTag, illegal.Illegal),
    *(if_tag.IfTag, unless_tag.UnlessTag, case_tag.CaseTag),
    *(ForTag, for_tag.BreakTag, for_tag.ContinueTag, cycle_tag.CycleTag, ifchanged_tag.IfChangedTag),
    *(assign_tag.AssignTag, capture_tag.CaptureTag, EchoTag),
    *(increment_tag.IncrementTag, decrement_tag.DecrementTag),
    *(comment_tag.CommentTag, inline_comment_tag.InlineCommentTag),
)


class _Template(BoundTemplate):
    def make_partial_namespace(
        self, partial: bool, render_args: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Nothing: the library would hide a variable named "partial"."""
        return render_args


class LiquidEnvironment(Environment):
    """A language within `limits`."""

    template_class = _Template

    def __init__(self, limits: Limits, *, autoescape: bool) -> None:
        self.limits = limits
        super().__init__(autoescape=autoescape)

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in _TAGS:
            self.add_tag(tag)
        self.filters.update(FILTERS)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        return partial(_tokens, limits=self.limits)

    def template(self, source: str) -> BoundTemplate:
        """`source` as a tree. Unlike the library's own verb it lets errors that are not the library's pass."""
        nodes = self._parse(source)
        for node in nodes:
            _prepare(node)
        return self.template_class(self, nodes)


def _prepare(node: Node) -> None:
    """Puts a price on each range of `node`; raises LiquidError for a filter that is not there."""
    for expression in node.expressions():
        _prepare_expression(expression)
    for child in node.children(None):  # type: ignore[arg-type]
        _prepare(child)


def _prepare_expression(expression: Expression) -> None:
    for child in expression.children():
        _prepare_expression(child)
    if isinstance(expression, RangeLiteral) and not isinstance(expression.stop, PaidRange):
        expression.stop = PaidRange(expression)
    if isinstance(expression, FilteredExpression):
        for used in expression.filters or ():
            if used.name not in FILTERS:
                raise UnknownFilterError(f"unknown filter {used.name!r}", token=used.token)


def _tokens(source: str, *, limits: Limits) -> Iterator[Token]:
    return Lexer(source, limits).tokens()


@lru_cache(maxsize=8)
def of(limits: Limits, *, autoescape: bool) -> LiquidEnvironment:
    """The environment for sources within `limits`; `autoescape` for HTML."""
    environment = LiquidEnvironment(limits, autoescape=autoescape)
    environment.block_nesting_limit = limits.depth  # type: ignore[misc]
    return environment
