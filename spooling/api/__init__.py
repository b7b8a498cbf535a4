"""The native API of `spooling`: mails, spoolers, suppressions."""
