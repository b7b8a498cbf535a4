"""Views of the wire, by resource."""
