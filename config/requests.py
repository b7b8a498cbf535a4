"""The request that views get."""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIRequest


class Request(WSGIRequest):
    """A request whose charset is one of text: of others that Python knows, as rot13, Django could not read the query.

    Parameters of its type that cannot be read are dropped, all of them.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self._read_type(meta)
        except ValueError:
            # Nobody who reads them later could.
            meta["CONTENT_TYPE"] = meta["CONTENT_TYPE"].partition(";")[0]
            self._read_type(meta)

    def _read_type(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # the stubs lack it
        except LookupError:
            self.encoding = "utf-8"
