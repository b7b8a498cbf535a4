"""What `spooling` refuses. Each class's docstring is its message; wires map classes to their own answers."""

from earwig import errors


class SpoolingError(errors.EarwigError):
    """Mail could not be spooled."""

    code = "spooling"


class MailHasLeft(SpoolingError):
    """The mail has left and cannot be cancelled."""

    code = "mail_has_left"


class LimitReached(SpoolingError):
    """The account's sending limit is reached."""

    code = "limit_reached"


class SpoolerClosed(SpoolingError):
    """The spooler takes no more mail."""

    code = "spooler_closed"


class SpoolerStateConflict(SpoolingError):
    """The spooler's state does not allow this."""

    code = "spooler_state_conflict"


class ContentUnusable(SpoolingError):
    """The content cannot be made into a mail."""

    code = "content_unusable"


class InUse(SpoolingError):
    """Something else still refers to it."""

    code = "in_use"


class NameTaken(SpoolingError):
    """There is another one of this name."""

    code = "name_taken"


class SubscriptionStateConflict(SpoolingError):
    """The subscription's state does not allow this."""

    code = "subscription_state_conflict"
