"""The native resources of `templates_app`, each with and without its final slash."""

from typing import Any

from django.urls import URLPattern, re_path

from earwig.models.api_keys import Scope
from templates_app.api.templates import TemplateViewSet as View

_DETAIL: Any = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
_ID = "(?P<id>[0-9a-fA-F]{32})"
#: Those of the column's integers.
_NUMBER = "(?P<number>[0-9]{1,9})"


def _route(pattern: str, view: Any) -> URLPattern:
    route: URLPattern = re_path(f"^templates{pattern}/?$", view)
    return route


urlpatterns = [
    _route("", View.as_view({"get": "list", "post": "create"})),
    _route(f"/{_ID}", View.as_view(_DETAIL)),
    _route(f"/{_ID}/versions", View.as_view({"get": "versions"}, **View.versions.kwargs)),
    _route(f"/{_ID}/versions/{_NUMBER}", View.as_view({"get": "version"})),
    _route(f"/{_ID}/versions/{_NUMBER}/restore", View.as_view({"post": "restore"})),
    # It only reads.
    _route(f"/{_ID}/preview", View.as_view({"post": "preview"}, scopes={"POST": Scope.READ})),
]
