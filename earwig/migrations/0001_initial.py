import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import earwig.models.messages


class Migration(migrations.Migration):

    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="ContactDetail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("email", "Email"),
                            ("voice", "Voice"),
                            ("sms", "Sms"),
                            ("twitter", "Twitter"),
                            ("fax", "Fax"),
                            ("mail", "Mail"),
                        ],
                        max_length=7,
                    ),
                ),
                ("value", models.CharField(max_length=254)),
                ("note", models.CharField(blank=True, max_length=100)),
                ("blocked", models.BooleanField(default=False)),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("import", "Import"),
                            ("feedback", "Feedback"),
                            ("bounce", "Bounce"),
                            ("staff", "Staff"),
                        ],
                        max_length=8,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "slug",
                    models.CharField(
                        max_length=50,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z][a-z0-9-]*$", "Lower-case letters, digits and hyphens, a letter first."
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "mails_per_hour",
                    models.PositiveIntegerField(blank=True, help_text="Empty: no limit.", null=True),
                ),
                ("mails_per_day", models.PositiveIntegerField(blank=True, null=True)),
                ("mails_per_month", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "in_doubt_transactional",
                    models.CharField(
                        choices=[("resend", "Resend"), ("hold", "Hold")], default="resend", max_length=8
                    ),
                ),
                (
                    "in_doubt_bulk",
                    models.CharField(
                        choices=[("resend", "Resend"), ("hold", "Hold")], default="hold", max_length=8
                    ),
                ),
                (
                    "any_from_domain",
                    models.BooleanField(
                        default=False,
                        help_text="May send from domains that are not its own, but never from another account's.",
                    ),
                ),
                (
                    "brake_failed_percent",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        default=20,
                        help_text="Pauses a campaign of which so many fail; empty: never.",
                        null=True,
                    ),
                ),
                (
                    "brake_deferred_percent",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        default=60,
                        help_text="Pauses a campaign of which so many are deferred.",
                        null=True,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("in_doubt_bulk__in", ["resend", "hold"]),
                            ("in_doubt_transactional__in", ["resend", "hold"]),
                        ),
                        name="account_in_doubt_policies",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("key_prefix", models.CharField(blank=True, max_length=8)),
                ("action", models.CharField(max_length=40)),
                ("subject", models.CharField(help_text="Model and id.", max_length=60)),
                ("detail", models.JSONField(default=dict)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="earwig.account",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name_plural": "audit entries"},
        ),
        migrations.CreateModel(
            name="Domain",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(help_text="Lower case, A-labels.", max_length=253)),
                ("return_path_host", models.CharField(blank=True, max_length=253)),
                (
                    "tracking_host",
                    models.CharField(
                        blank=True,
                        help_text="Host of its tracked links; empty: the installation's.",
                        max_length=253,
                    ),
                ),
                ("default", models.BooleanField(default=False)),
                ("disabled", models.BooleanField(default=False)),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("draft_addresses", models.JSONField(blank=True, default=list)),
                ("tracking_https", models.BooleanField(default=True)),
                ("dmarc_policy", models.JSONField(blank=True, default=dict)),
                ("spf_mechanisms", models.JSONField(blank=True, default=list)),
                ("dns_state", models.JSONField(blank=True, default=dict, editable=False)),
                ("dns_checked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("removed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="domains",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DkimKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("selector", models.CharField(max_length=63)),
                (
                    "algorithm",
                    models.CharField(
                        choices=[("rsa-sha256", "Rsa"), ("ed25519-sha256", "Ed25519")],
                        default="rsa-sha256",
                        max_length=14,
                    ),
                ),
                ("private_key_sealed", models.TextField(editable=False)),
                ("public_record", models.TextField(editable=False)),
                ("active", models.BooleanField(default=True)),
                ("starts_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "domain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="dkim_keys",
                        to="earwig.domain",
                    ),
                ),
            ],
            options={"verbose_name": "DKIM key"},
        ),
        migrations.CreateModel(
            name="HandoffMessage",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=earwig.models.messages.new_message_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "type",
                    models.CharField(
                        choices=[("public", "Public"), ("private", "Private"), ("removed", "Removed")],
                        max_length=7,
                    ),
                ),
                ("subject", models.CharField(blank=True, max_length=255)),
                ("message", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="handoff_messages",
                        to="earwig.account",
                    ),
                ),
            ],
            options={"verbose_name": "message"},
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("method", models.CharField(max_length=6)),
                ("path", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=200)),
                ("payload_digest", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField()),
                ("answer", models.TextField()),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="earwig.account"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("member", "Member"), ("staff", "Staff")], default="member", max_length=6
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="earwig.account",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MessageRecipient",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("unscheduled", "Unscheduled"),
                            ("pending", "Pending"),
                            ("attempted", "Attempted"),
                            ("expired", "Expired"),
                            ("sent", "Sent"),
                        ],
                        default="unscheduled",
                        max_length=11,
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recipients",
                        to="earwig.handoffmessage",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("scheduled", "Scheduled"),
                            ("sent", "Sent"),
                            ("retry", "Retry"),
                            ("invalid", "Invalid"),
                            ("bad_data", "Bad Data"),
                            ("blocked", "Blocked"),
                            ("success", "Success"),
                        ],
                        default="scheduled",
                        max_length=9,
                    ),
                ),
                ("engine", models.CharField(default="default", max_length=20)),
                ("plugin", models.CharField(default="email", max_length=20)),
                ("template", models.CharField(default="default", max_length=100)),
                (
                    "feedback_type",
                    models.CharField(
                        choices=[
                            ("none", "None"),
                            ("offensive", "Offensive"),
                            ("wrong_person", "Wrong person"),
                            ("contact_detail_blacklist", "Bad method"),
                            ("unsubscribe", "Unsubscribe"),
                        ],
                        default="none",
                        max_length=24,
                    ),
                ),
                ("feedback_note", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "contact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="attempts",
                        to="earwig.contactdetail",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="earwig.messagerecipient",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("external_id", models.CharField(max_length=100)),
                ("title", models.CharField(blank=True, max_length=100)),
                ("name", models.CharField(blank=True, max_length=100)),
                ("photo_url", models.CharField(blank=True, max_length=500)),
                ("lang", models.CharField(blank=True, max_length=12)),
                ("attributes", models.JSONField(blank=True, default=dict)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="people",
                        to="earwig.account",
                    ),
                ),
            ],
            options={"verbose_name_plural": "people"},
        ),
        migrations.AddField(
            model_name="messagerecipient",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="received", to="earwig.person"
            ),
        ),
        migrations.AddField(
            model_name="contactdetail",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="contacts", to="earwig.person"
            ),
        ),
        migrations.CreateModel(
            name="Reply",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "from_sender",
                    models.BooleanField(help_text="Written by the original sender; else by the recipient."),
                ),
                ("subject", models.CharField(blank=True, max_length=255)),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField()),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replies",
                        to="earwig.messagerecipient",
                    ),
                ),
            ],
            options={"verbose_name_plural": "replies"},
        ),
        migrations.CreateModel(
            name="ResponseStatistic",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("reply_good", "Good reply"),
                            ("reply_bad", "Bad reply"),
                            ("reply_none", "No reply"),
                            ("reply_unknown", "Unknown"),
                        ],
                        default="reply_unknown",
                        max_length=13,
                    ),
                ),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "attempt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="response",
                        to="earwig.deliveryattempt",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SaltFingerprint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("value", models.CharField(max_length=64)),
                ("held_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="salt_fingerprint_is_single")
                ]
            },
        ),
        migrations.CreateModel(
            name="Sender",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "hash",
                    models.CharField(
                        help_text="SHA-256 of the address as received and the installation's salt.",
                        max_length=64,
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200)),
                ("email", models.CharField(max_length=254, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("email_expires_at", models.DateTimeField()),
                ("purged_at", models.DateTimeField(editable=False, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="senders",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="handoffmessage",
            name="sender",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="messages", to="earwig.sender"
            ),
        ),
        migrations.CreateModel(
            name="SenderPurge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("erased", models.JSONField(default=dict, help_text="Number of rows by table.")),
                (
                    "sender",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="purges", to="earwig.sender"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200)),
                ("prefix", models.CharField(editable=False, max_length=8)),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("scopes", models.JSONField(default=list)),
                (
                    "allowed_ips",
                    models.JSONField(
                        blank=True, default=list, help_text="Addresses or networks; empty: any."
                    ),
                ),
                (
                    "allowed_sender_domains",
                    models.JSONField(blank=True, default=list, help_text="Empty: any the account may use."),
                ),
                (
                    "requests_per_minute",
                    models.PositiveIntegerField(blank=True, help_text="Empty: no limit.", null=True),
                ),
                ("wire_settings", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to="earwig.account",
                    ),
                ),
                (
                    "replaced_by",
                    models.OneToOneField(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="replaces",
                        to="earwig.apikey",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "indexes": [models.Index(fields=["account", "prefix"], name="api_key_by_prefix")],
            },
        ),
        migrations.AddIndex(model_name="domain", index=models.Index(fields=["name"], name="domain_by_name")),
        migrations.AddConstraint(
            model_name="domain",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="domain_once_per_account"),
        ),
        migrations.AddConstraint(
            model_name="domain",
            constraint=models.UniqueConstraint(
                condition=models.Q(("default", True)),
                fields=("account",),
                name="domain_one_default_per_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="domain",
            constraint=models.UniqueConstraint(
                condition=models.Q(("verified_at__isnull", False)),
                fields=("name",),
                name="domain_verified_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="dkimkey",
            constraint=models.UniqueConstraint(
                fields=("domain", "selector"), name="dkim_selector_once_per_domain"
            ),
        ),
        migrations.AddConstraint(
            model_name="dkimkey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("active", True)),
                fields=("domain", "algorithm"),
                name="dkim_one_active_key_per_algorithm",
            ),
        ),
        migrations.AddConstraint(
            model_name="idempotencykey",
            constraint=models.UniqueConstraint(
                fields=("account", "method", "path", "key"), name="idempotency_once_per_call"
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                fields=("user", "account"), name="membership_once_per_account"
            ),
        ),
        migrations.AddIndex(
            model_name="deliveryattempt",
            index=models.Index(fields=["status", "id"], name="attempt_by_status"),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.UniqueConstraint(
                fields=("account", "external_id"), name="person_once_per_account"
            ),
        ),
        migrations.AddIndex(
            model_name="messagerecipient",
            index=models.Index(fields=["status", "id"], name="recipient_by_status"),
        ),
        migrations.AddConstraint(
            model_name="messagerecipient",
            constraint=models.UniqueConstraint(
                fields=("message", "person"), name="recipient_once_per_message"
            ),
        ),
        migrations.AddConstraint(
            model_name="contactdetail",
            constraint=models.UniqueConstraint(
                fields=("person", "type", "value"), name="contact_once_per_person"
            ),
        ),
        migrations.AddConstraint(
            model_name="contactdetail",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("blocked", False), models.Q(("reason", ""), _negated=True), _connector="OR"
                ),
                name="contact_blocked_has_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="sender",
            index=models.Index(
                condition=models.Q(("email__isnull", False)),
                fields=["email_expires_at"],
                name="sender_overdue",
            ),
        ),
        migrations.AddConstraint(
            model_name="sender",
            constraint=models.UniqueConstraint(fields=("account", "hash"), name="sender_once_per_account"),
        ),
        migrations.AddConstraint(
            model_name="sender",
            constraint=models.CheckConstraint(
                condition=models.Q(("email__isnull", False), ("name", ""), _connector="OR"),
                name="sender_purged_has_no_name",
            ),
        ),
    ]
