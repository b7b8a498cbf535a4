"""What `stats` refuses. Each class's docstring is its message; wires map classes to their own answers."""

from earwig.errors import EarwigError


class WebhookRefused(EarwigError):
    """A webhook cannot have these properties."""

    code = "webhook_refused"


class TooManyWebhooks(EarwigError):
    """The account has as many webhooks as it may have."""

    code = "too_many_webhooks"


class WebhookPaused(EarwigError):
    """The webhook is paused: resume it first."""

    code = "webhook_paused"
