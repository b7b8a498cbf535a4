"""The native API of `earwig`: people, and tokens of users."""
