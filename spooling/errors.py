"""What `spooling` refuses. Each class's docstring is its message; wires map classes to their own answers."""

import itertools
from collections.abc import Mapping

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


class VariablesRefused(SpoolingError):
    """The variables of a mail are more than may be taken."""

    code = "variables_refused"

    def __init__(  # noqa: B042  # never pickled; `place` is no part of the message
        self, *says: str, place: int = 0
    ) -> None:
        super().__init__(*says)
        #: Which of the mails that were to be stored, from 0 on.
        self.place = place


class SpoolerClosed(SpoolingError):
    """The spooler takes no more mail."""

    code = "spooler_closed"


class SpoolerStateConflict(SpoolingError):
    """The spooler's state does not allow this."""

    code = "spooler_state_conflict"


class SpoolerStale(SpoolerStateConflict):
    """The spooler's `not_after` has passed; give it a later one first."""


class DomainConflict(SpoolingError):
    """The campaign's sending domain is another one."""

    code = "domain_conflict"


class DomainRemoved(SpoolingError):
    """The spooler's sending domain was deleted."""

    code = "domain_removed"


class ContentUnusable(SpoolingError):
    """The content cannot be made into a mail."""

    code = "content_unusable"


class MessageUnusable(ContentUnusable):
    """The message is none that can be mailed."""


class LinkUnknown(SpoolingError):
    """This link leads nowhere."""

    code = "link_unknown"


class InUse(SpoolingError):
    """Something else still refers to it."""

    code = "in_use"


class NameTaken(SpoolingError):
    """There is another one of this name."""

    code = "name_taken"


class SubscriptionStateConflict(SpoolingError):
    """The subscription's state does not allow this."""

    code = "subscription_state_conflict"


class SpoolerLocked(SpoolingError):
    """Once it was ready, this spooler cannot be changed."""

    code = "spooler_locked"


#: Fields that one error names.
MOST_NAMED = 100


class FieldsRefused(SpoolingError):
    """Some of what was given cannot be taken."""

    code = "fields_refused"

    def __init__(  # noqa: B042  # never pickled; `fields` is no part of the message
        self, *says: str, fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(*says)
        #: Why, by path: `subject`, `parts[0]`, `mails[3].email`; of the first MOST_NAMED.
        self.fields = dict(itertools.islice((fields or {}).items(), MOST_NAMED))


class MessageIncomplete(FieldsRefused):
    """The message needs a sender, a subject and a body that can be rendered."""

    code = "message_incomplete"


class UnknownResource(FieldsRefused):
    """There is no such resource in this spooler."""

    code = "unknown_resource"


class TooManyDrafts(SpoolingError):
    """A draft goes to one to ten addresses."""

    code = "too_many_drafts"


class AttachmentForbidden(SpoolingError):
    """Only transactional mail carries attachments."""

    code = "attachment_forbidden"


class AttachmentType(SpoolingError):
    """Files of this type are not taken."""

    code = "attachment_type"


class AttachmentTooLarge(SpoolingError):
    """An attachment has more than 2 MiB, or all of a mail have more than 20 MiB."""

    code = "attachment_too_large"
