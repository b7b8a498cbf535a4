"""What a program's generated source calls, by the names that it has there."""

from templates_app.rendering import links, operations, transfer, values

NAMES: dict[str, object] = {
    "no_links": links.none,
    "follow": links.follow,
    "pixel": links.pixel,
    "texts": links.texts,
    **{kind.name: kind for kind in links.LinkKind},
    "text": values.text,
    "items": values.items,
    "scope": values.scope,
    "find": values.find,
    "walk": values.walk,
    "shown": values.shown,
    "qp_shown": transfer.shown,
    "plain": values.plain,
    "html": values.escaped,
    "qp": transfer.encode_value,
    "qp_first": transfer.encode_first_value,
    "qp_html": transfer.encode_html_value,
    "qp_html_first": transfer.encode_first_html_value,
    "too_much_output": values.too_much_output,
    "exhausted": values.exhausted,
    "new_budget": operations.Budget,
    "truth": operations.truth,
    "item": operations.item,
    "elements": operations.elements,
    "pairs": operations.pairs,
}
