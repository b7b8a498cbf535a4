"""The native API of `earwig`: people."""
