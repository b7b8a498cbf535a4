"""The admin pages of `templates_app`, one module a noun."""

from templates_app.admin import templates, versions

__all__ = ["templates", "versions"]
