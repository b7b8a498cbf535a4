"""The application `earwig`: who may send, and what they hand over."""

from django.apps import AppConfig


class EarwigConfig(AppConfig):
    name = "earwig"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Registers the system checks."""
        from earwig import checks  # noqa: F401
