"""What a caller may do, however it said who it is: by a key, or by a user's name and password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from earwig import addresses, errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The account that a call is for, and what it may do there."""

    #: None: a user's name and password.
    key_id: int | None
    prefix: str
    account_id: int
    account_slug: str
    scopes: frozenset[str]
    allowed_sender_domains: frozenset[str]
    requests_per_minute: int | None
    user_id: int | None
    #: Its user belongs to the staff of the account; of a key without a user, it may manage the account.
    is_staff: bool
    wire_settings: dict[str, Any]

    def require(self, scope: str) -> None:
        """Raises ScopeMissing."""
        if scope not in self.scopes:
            raise errors.ScopeMissing

    def require_author(self, address: str) -> None:
        """Raises SenderDomainNotAllowed."""
        allowed = self.allowed_sender_domains
        if allowed and addresses.domain_of(address) not in allowed:
            raise errors.SenderDomainNotAllowed

    def require_staff(self) -> None:
        """Raises StaffOnly."""
        if not self.is_staff:
            raise errors.StaffOnly
