"""A real browser for the tests that are marked so."""

from tests.browsers import chromium, signed_in

__all__ = ["chromium", "signed_in"]
