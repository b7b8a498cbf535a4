"""Media types as headers and bodies give them (RFC 9110 §8.3.1). Pure."""

import re

#: RFC 6838 §4.2; types that are registered are shorter.
_NAME = r"[A-Za-z0-9!#$&^_.+-]{1,63}"
_BARE = re.compile(f"{_NAME}/{_NAME}")


def bare(given: str) -> str:
    """Type and subtype alone, in lower case; empty where nothing is given."""
    return given.partition(";")[0].strip().lower()


def is_bare(given: str) -> bool:
    """Whether it is a type and subtype, and nothing else."""
    return bool(_BARE.fullmatch(given))
