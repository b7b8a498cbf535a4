"""Pages that show what only verbs may change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from earwig.admin import pages


class ReadOnlyAdmin(pages.ReadOnlyAdmin):
    """Of tables that grow with the mail: counts nothing it need not."""

    show_full_result_count = False
    list_disable_select_all = True


def table(rows: Iterable[tuple[object, object]]) -> SafeString:
    """Two columns, everything escaped."""
    cells = format_html_join(
        "",
        '<tr><th class="text-left align-top pr-6 py-1 font-medium whitespace-nowrap">{}</th>'
        '<td class="py-1 break-all">{}</td></tr>',
        rows,
    )
    return format_html("<table>{}</table>", cells)


def mapping(values: Mapping[str, object]) -> SafeString:
    """A table of a mapping, its words made readable."""
    return table((name.replace("_", " "), value) for name, value in values.items())
