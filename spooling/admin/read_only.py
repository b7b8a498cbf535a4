"""Pages that show what only verbs may change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Lists and shows. Actions that call verbs ask for `operate`: the right to change the model."""

    show_full_result_count = False
    list_disable_select_all = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        options = self.opts
        return request.user.has_perm(f"{options.app_label}.change_{options.model_name}")


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
