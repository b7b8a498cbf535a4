"""Every error of `earwig`: the docstring is the message, `code` is stable; each wire maps all of them."""

from __future__ import annotations


class EarwigError(Exception):
    """The call cannot be carried out."""

    code = "error"

    @property
    def message(self) -> str:
        """What to tell the caller: what was raised with, else the docstring's sentence. Holds no secret."""
        return str(self.args[0]) if self.args else (self.__doc__ or "")


class UnknownKey(EarwigError):
    """The key is unknown, revoked or expired."""

    code = "unknown_key"


class WrongLogin(UnknownKey):
    """No user of an account has this name and password."""

    code = "wrong_login"


class TooManyLogins(EarwigError):
    """Too many wrong passwords came from here; try again in a minute."""

    code = "too_many_logins"


class AddressNotAllowed(EarwigError):
    """The key may not be used from this address."""

    code = "address_not_allowed"


class ScopeMissing(EarwigError):
    """The key may not do this."""

    code = "scope_missing"


class SenderDomainNotAllowed(EarwigError):
    """The key may not send from this domain."""

    code = "sender_domain_not_allowed"


class StaffOnly(EarwigError):
    """Only staff of the account may do this."""

    code = "staff_only"


class InvalidKey(EarwigError):
    """A key cannot have these properties."""

    code = "invalid_key"


class KeyClosed(EarwigError):
    """The key is revoked, expired or replaced already."""

    code = "key_closed"


class Unsealable(EarwigError):
    """No key of the ring EARWIG_KEYS opens this secret."""

    code = "unsealable"


class SaltChanged(EarwigError):
    """EARWIG_SENDER_SALT is not the one that the stored hashes were made with."""

    code = "salt_changed"


class InvalidAccount(EarwigError):
    """An account cannot have these properties."""

    code = "invalid_account"


class AccountExists(EarwigError):
    """There is an account of this name already."""

    code = "account_exists"


class UserExists(EarwigError):
    """There is a user of this name already."""

    code = "user_exists"


class UserProtected(EarwigError):
    """This user administers the installation and gets no token this way."""

    code = "user_protected"


class UserClosed(EarwigError):
    """This user was deactivated."""

    code = "user_closed"


class DomainNotAllowed(EarwigError):
    """The account may not send from this domain."""

    code = "domain_not_allowed"


class InvalidDomain(EarwigError):
    """Not a domain name."""

    code = "invalid_domain"


class DomainExists(EarwigError):
    """The account has this domain already."""

    code = "domain_exists"


class DomainTaken(EarwigError):
    """Another account has verified this domain."""

    code = "domain_taken"


class DkimKeyRefused(EarwigError):
    """The domain cannot have this signing key."""

    code = "dkim_key_refused"


class InvalidPerson(EarwigError):
    """A person cannot have these properties."""

    code = "invalid_person"


class InvalidAddress(EarwigError):
    """An address is written local-part@domain."""

    code = "invalid_address"


class UnknownSender(EarwigError):
    """There is no sender of this id."""

    code = "unknown_sender"


class UnknownPerson(EarwigError):
    """There is no person of this id."""

    code = "unknown_person"


class AlreadyFlagged(EarwigError):
    """The recipient has given feedback already."""

    code = "already_flagged"


class InvalidImport(EarwigError):
    """The file has another form than an import reads."""

    code = "invalid_import"


class FeedUnavailable(EarwigError):
    """The service that people are imported from did not answer."""

    code = "feed_unavailable"


class DnsUnanswered(EarwigError):
    """The name servers gave no answer."""

    code = "dns_unanswered"


class InvalidUrl(EarwigError):
    """A URL is http:// or https://, a host and a path, without a user's name."""

    code = "invalid_url"


class TargetRefused(EarwigError):
    """The URL leads into a private network."""

    code = "target_refused"


class TargetUnanswered(EarwigError):
    """The URL gave no answer."""

    code = "target_unanswered"


class AnswerTooLarge(EarwigError):
    """The answer is larger than what is taken."""

    code = "answer_too_large"
