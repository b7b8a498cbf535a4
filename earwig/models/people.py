"""Recipients known by an id of another system, and the ways to reach them."""

from __future__ import annotations

from django.db import models

from earwig.models.accounts import Account


class Person(models.Model):
    """A recipient known by an external id: an OCD id, an identity's UUID."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="people")
    external_id = models.CharField(max_length=100)
    title = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=100, blank=True)
    photo_url = models.CharField(max_length=500, blank=True)
    lang = models.CharField(max_length=12, blank=True)
    attributes = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["account", "external_id"], name="person_once_per_account")
        ]

    def __str__(self) -> str:
        return self.external_id


class ContactType(models.TextChoices):
    """Kinds of contact, in the order in which they are tried (handoff contract §6.2)."""

    #: Delivered by this installation.
    EMAIL = "email"
    #: Kept and shown, like all that follow; no carrier is connected.
    VOICE = "voice"
    #: A mobile number.
    SMS = "sms"
    #: A handle.
    TWITTER = "twitter"
    #: A fax number.
    FAX = "fax"
    #: A postal address.
    MAIL = "mail"


class BlockReason(models.TextChoices):
    """Why a contact is not used. One blocked by an import comes back with a later import; others do not."""

    #: The last import no longer lists it.
    IMPORT = "import"
    #: The person asked for it on the feedback page.
    FEEDBACK = "feedback"
    #: Mail to it came back.
    BOUNCE = "bounce"
    #: A member of staff did it.
    STAFF = "staff"


class ContactDetail(models.Model):
    """One way to reach a person."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="contacts")
    type = models.CharField(max_length=7, choices=ContactType.choices)
    value = models.CharField(max_length=254)
    note = models.CharField(max_length=100, blank=True)
    blocked = models.BooleanField(default=False)
    reason = models.CharField(max_length=8, choices=BlockReason.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "type", "value"], name="contact_once_per_person"),
            models.CheckConstraint(
                name="contact_blocked_has_a_reason", condition=models.Q(blocked=False) | ~models.Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"
