"""The views of the wire, by resource."""
