"""The HTTP base of the native API: key to account, errors, paging, idempotency, limits."""
