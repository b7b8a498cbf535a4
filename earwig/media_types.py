"""Media types as headers and bodies give them (RFC 9110 §8.3.1). Pure."""


def bare(given: str) -> str:
    """Type and subtype alone, in lower case; empty where nothing is given."""
    return given.partition(";")[0].strip().lower()
