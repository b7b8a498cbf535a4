"""One module a resource, one view a URL."""
