import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.db import migrations, models

import spooling.models.files
import spooling.models.mails
import spooling.models.spoolers


def leave_room_for_moves(apps, schema_editor):
    """On each page, for the copy that a mail's move writes: beside the old row it needs no new index entries."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE spooling_mail SET (fillfactor = 45)")
        schema_editor.execute("ALTER TABLE spooling_subscription SET (fillfactor = 80)")


class Migration(migrations.Migration):

    initial = True

    dependencies = [("earwig", "0001_initial"), ("templates_app", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("queue", models.CharField(max_length=13, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Mail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "lane",
                    models.CharField(
                        choices=[("transactional", "Transactional"), ("bulk", "Bulk")], max_length=13
                    ),
                ),
                ("email", models.CharField(max_length=320)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("variables", spooling.models.mails.JsonText(default=dict)),
                ("tags", spooling.models.mails.JsonText(null=True)),
                ("provider", models.CharField(max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sending", "Sending"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                            ("blocked", "Blocked"),
                            ("quarantined", "Quarantined"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("in_doubt", "In Doubt"),
                        ],
                        default="waiting",
                        max_length=11,
                    ),
                ),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("not_after", models.DateTimeField(null=True)),
                ("give_up_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("deferral", models.PositiveSmallIntegerField(db_default=0, default=0)),
                ("last_code", models.PositiveSmallIntegerField(null=True)),
                ("last_reply", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(null=True)),
                ("bounced_at", models.DateTimeField(null=True)),
                ("bounce_class", models.CharField(blank=True, max_length=20)),
                ("opened_at", models.DateTimeField(null=True)),
                ("clicked_at", models.DateTimeField(null=True)),
                ("mirrored_at", models.DateTimeField(null=True)),
                ("unsubscribed_at", models.DateTimeField(null=True)),
                ("complained_at", models.DateTimeField(null=True)),
                ("erased_at", models.DateTimeField(null=True)),
                ("address_hash", models.CharField(blank=True, db_default="", max_length=64)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="earwig.account",
                    ),
                ),
                (
                    "attempt",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="earwig.deliveryattempt",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Spooler",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "token",
                    models.CharField(
                        default=spooling.models.spoolers.new_token, editable=False, max_length=33, unique=True
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=2000)),
                (
                    "type",
                    models.CharField(
                        choices=[("campaign", "Campaign"), ("stream", "Stream"), ("draft", "Draft")],
                        default="campaign",
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("ready", "Ready"),
                            ("paused", "Paused"),
                            ("cancelled", "Cancelled"),
                            ("finished", "Finished"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                (
                    "lane",
                    models.CharField(
                        choices=[("transactional", "Transactional"), ("bulk", "Bulk")],
                        default="bulk",
                        max_length=13,
                    ),
                ),
                ("start_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("not_after", models.DateTimeField(blank=True, null=True)),
                ("tags", models.JSONField(blank=True, default=list)),
                ("headers", models.JSONField(blank=True, default=dict)),
                ("variables", models.JSONField(blank=True, default=dict)),
                ("shares_content", models.BooleanField(default=False, editable=False)),
                ("paused_at", models.DateTimeField(editable=False, null=True)),
                (
                    "paused_because",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("request", "Request"),
                            ("failures", "Failures"),
                            ("deferrals", "Deferrals"),
                            ("stale", "Stale"),
                        ],
                        editable=False,
                        max_length=9,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("launched_at", models.DateTimeField(editable=False, null=True)),
                ("resumed_at", models.DateTimeField(editable=False, null=True)),
                ("closed_at", models.DateTimeField(editable=False, null=True)),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("swept_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spoolers",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(help_text="SHA-256 of the data.", max_length=64)),
                ("data", models.BinaryField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="earwig.account"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BinaryContent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64, unique=True)),
                ("type", models.CharField(max_length=100)),
                ("data", models.BinaryField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="binary_contents",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Claim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("worker", models.CharField(help_text="Names the worker's journal too.", max_length=32)),
                ("host", models.CharField(help_text="The data folder the journal lies in.", max_length=64)),
                (
                    "boot",
                    models.CharField(
                        help_text="The boot of the host: a journal may lose its tail in a crash of it.",
                        max_length=36,
                    ),
                ),
                (
                    "lane",
                    models.CharField(
                        choices=[("transactional", "Transactional"), ("bulk", "Bulk")], max_length=13
                    ),
                ),
                ("leased_until", models.DateTimeField()),
                ("missed_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("first_mail_id", models.BigIntegerField()),
                ("last_mail_id", models.BigIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["leased_until"], name="claim_by_lease")]},
        ),
        migrations.CreateModel(
            name="Content",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", models.TextField(blank=True)),
                ("from_name", models.TextField(blank=True)),
                ("from_email", models.CharField(max_length=320)),
                ("reply_to", models.JSONField(default=list, help_text="[[name, email], …]")),
                (
                    "to",
                    models.JSONField(
                        default=list,
                        help_text="[[name, email], …] shown to all; empty: each mail shows its own.",
                    ),
                ),
                ("cc", models.JSONField(default=list)),
                ("text", models.TextField(blank=True)),
                ("html", models.TextField(blank=True)),
                ("headers", models.JSONField(default=list, help_text="[[name, value], …]")),
                ("template_language", models.CharField(default="mustache", max_length=10)),
                ("language", models.CharField(blank=True, max_length=12)),
                (
                    "to_name",
                    models.TextField(
                        blank=True, help_text="Template of each recipient's name; empty: the mail's own."
                    ),
                ),
                ("variables", models.JSONField(default=dict, help_text="Values where a mail brings none.")),
                ("tracked", models.BooleanField(default=True)),
                (
                    "track_opens",
                    models.BooleanField(default=False, help_text="Adds the invisible picture to the HTML."),
                ),
                (
                    "track_clicks",
                    models.BooleanField(default=False, help_text="Makes links of the HTML tracked ones."),
                ),
                (
                    "handling",
                    models.JSONField(
                        help_text="What `spooling.outbox.drafts.Handling` says, if anything.", null=True
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("erased_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="earwig.account"
                    ),
                ),
                (
                    "base",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="spooling.content",
                    ),
                ),
                (
                    "raw",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="spooling.attachment",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ContentFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=255)),
                ("type", models.CharField(max_length=127)),
                (
                    "cid",
                    models.CharField(
                        blank=True, help_text="Empty: an attachment; else inline.", max_length=200
                    ),
                ),
                (
                    "attachment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="spooling.attachment",
                    ),
                ),
                (
                    "content",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="spooling.content",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ContentLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        help_text="As `templates_app.rendering.LinkKind` names it.", max_length=11
                    ),
                ),
                ("target", models.TextField()),
                (
                    "content",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="spooling.content",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DmarcReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("domain", models.CharField(help_text="The policy's.", max_length=253)),
                ("organisation", models.CharField(help_text="Who reports.", max_length=253)),
                ("report_id", models.CharField(max_length=253)),
                ("email", models.CharField(blank=True, max_length=320)),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("messages", models.PositiveBigIntegerField(default=0)),
                ("failed_spf", models.PositiveBigIntegerField(default=0)),
                ("failed_dkim", models.PositiveBigIntegerField(default=0)),
                ("xml", models.TextField()),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="dmarc_reports",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HostedFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "token",
                    models.CharField(
                        default=spooling.models.files.new_file_token,
                        editable=False,
                        max_length=33,
                        unique=True,
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("type", models.CharField(max_length=127)),
                ("digest", models.CharField(help_text="SHA-256 of the data.", max_length=64)),
                ("size", models.PositiveBigIntegerField()),
                ("data", models.BinaryField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hosted_files",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IncomingMail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("mail_id", models.BigIntegerField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("bounce", "Bounce"),
                            ("notice", "Notice"),
                            ("complaint", "Complaint"),
                            ("auto_reply", "Auto Reply"),
                            ("reply", "Reply"),
                            ("unsubscribe", "Unsubscribe"),
                            ("dmarc", "Dmarc"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "digest",
                    models.CharField(
                        help_text="SHA-256 of recipient and message.", max_length=64, unique=True
                    ),
                ),
                ("raw", models.BinaryField()),
                ("received_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="JobRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("retry_mails", "Retry Mails"),
                            ("send", "Send"),
                            ("resend", "Resend"),
                            ("schedule_send", "Schedule Send"),
                            ("requeue_failures", "Requeue Failures"),
                            ("estimate", "Estimate"),
                            ("find_behind", "Find Behind"),
                            ("measure", "Measure"),
                            ("import_recipients", "Import Recipients"),
                            ("preflight", "Preflight"),
                            ("report", "Report"),
                            ("report_deliveries", "Report Deliveries"),
                            ("data_request", "Data Request"),
                            ("replay_events", "Replay Events"),
                            ("import_suppressions", "Import Suppressions"),
                        ],
                        max_length=20,
                    ),
                ),
                ("arguments", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                ("progress", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(null=True)),
                ("position", models.BigIntegerField(default=0)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("result", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("leased_until", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="job_requests",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="JobFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="What it is to the job: input, errors, report.", max_length=20
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="spooling.jobrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Pending",
            fields=[
                (
                    "mail",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="spooling.mail",
                    ),
                ),
                (
                    "lane",
                    models.CharField(
                        choices=[("transactional", "Transactional"), ("bulk", "Bulk")], max_length=13
                    ),
                ),
                ("provider", models.CharField(max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("in_doubt", "in_doubt")], max_length=8
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("not_after", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="mail",
            name="claim",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="spooling.claim",
            ),
        ),
        migrations.AddField(
            model_name="mail",
            name="content",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="spooling.content",
            ),
        ),
        migrations.AddField(
            model_name="mail",
            name="domain",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="earwig.domain",
            ),
        ),
        migrations.CreateModel(
            name="Resource",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "token",
                    models.CharField(
                        default=spooling.models.spoolers.new_token, editable=False, max_length=33, unique=True
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("part", "Part"),
                            ("attachment", "Attachment"),
                            ("unsubscribe", "Unsubscribe"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "type",
                    models.CharField(
                        help_text="MIME type; of `unsubscribe` also “redirect”.", max_length=100
                    ),
                ),
                ("content", models.TextField(blank=True, help_text="Of parts and pages.")),
                ("filename", models.CharField(blank=True, max_length=255)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "file",
                    models.ForeignKey(
                        help_text="Of attachments.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="spooling.attachment",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="content",
            name="unsubscribe",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="spooling.resource",
            ),
        ),
        migrations.CreateModel(
            name="Router",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[("smtp", "Smtp"), ("mx", "Mx"), ("trap", "Trap"), ("webhook", "Webhook")],
                        default="smtp",
                        max_length=7,
                    ),
                ),
                ("host", models.CharField(blank=True, max_length=253)),
                (
                    "url",
                    models.CharField(
                        blank=True,
                        help_text="Of a webhook; its token is the password.",
                        max_length=500,
                        validators=[django.core.validators.URLValidator(schemes=["http", "https"])],
                    ),
                ),
                ("port", models.PositiveIntegerField(default=25)),
                (
                    "tls",
                    models.CharField(
                        choices=[
                            ("none", "None"),
                            ("opportunistic", "Opportunistic"),
                            ("starttls", "Starttls"),
                            ("implicit", "Implicit"),
                        ],
                        default="opportunistic",
                        max_length=13,
                    ),
                ),
                ("verify_certificate", models.BooleanField(default=True)),
                ("username", models.CharField(blank=True, max_length=254)),
                ("password_sealed", models.TextField(blank=True, editable=False)),
                ("helo_name", models.CharField(blank=True, max_length=253)),
                ("max_connections", models.PositiveIntegerField(default=50, help_text="Over all workers.")),
                ("mails_per_connection", models.PositiveIntegerField(default=500)),
                (
                    "mails_per_minute",
                    models.PositiveIntegerField(
                        blank=True, help_text="Over all workers; empty: no limit.", null=True
                    ),
                ),
                (
                    "allow_private",
                    models.BooleanField(
                        default=False,
                        help_text="Of direct delivery: whether a domain may name a server in a private network.",
                    ),
                ),
                ("default", models.BooleanField(default=False)),
                ("disabled", models.BooleanField(default=False)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="routers",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(help_text="As `stats.providers` names it.", max_length=32)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="routes",
                        to="earwig.account",
                    ),
                ),
                (
                    "router",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="routes",
                        to="spooling.router",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ProviderLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "provider",
                    models.CharField(help_text="As `stats.providers` names it, or a domain.", max_length=253),
                ),
                (
                    "max_connections",
                    models.PositiveIntegerField(blank=True, help_text="Over all workers.", null=True),
                ),
                (
                    "mails_per_minute",
                    models.PositiveIntegerField(blank=True, help_text="Over all workers.", null=True),
                ),
                (
                    "router",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="limits",
                        to="spooling.router",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="mail",
            name="router",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="spooling.router",
            ),
        ),
        migrations.CreateModel(
            name="ConnectionSlot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(default="*", max_length=253)),
                ("worker", models.CharField(max_length=32)),
                ("connections", models.PositiveIntegerField()),
                ("leased_until", models.DateTimeField()),
                (
                    "router",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="slots",
                        to="spooling.router",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Schedule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("minute", models.CharField(default="*", max_length=64)),
                ("hour", models.CharField(default="*", max_length=64)),
                ("day_of_week", models.CharField(default="*", max_length=64)),
                ("day_of_month", models.CharField(default="*", max_length=64)),
                ("month_of_year", models.CharField(default="*", max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("next_run_at", models.DateTimeField(editable=False, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="schedules",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MessageSet",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("short_name", models.CharField(max_length=100)),
                ("label", models.CharField(blank=True, default="", max_length=100)),
                (
                    "content_type",
                    models.CharField(
                        choices=[("text", "Text"), ("audio", "Audio")], default="text", max_length=5
                    ),
                ),
                ("notes", models.TextField(blank=True, null=True)),
                (
                    "channel",
                    models.CharField(
                        blank=True,
                        help_text="Empty or “email”: by mail. Anything else: posted to the account's webhook router.",
                        max_length=64,
                        null=True,
                    ),
                ),
                (
                    "from_address",
                    models.CharField(
                        blank=True,
                        help_text="The author of its mails; empty: the installation's.",
                        max_length=320,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="message_sets",
                        to="earwig.account",
                    ),
                ),
                (
                    "next_set",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="previous_sets",
                        to="spooling.messageset",
                    ),
                ),
                (
                    "default_schedule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="message_sets",
                        to="spooling.schedule",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ScheduleRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("due_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Running"), ("done", "Done"), ("missed", "Missed")],
                        default="running",
                        max_length=7,
                    ),
                ),
                ("position", models.BigIntegerField(default=0)),
                ("queued", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "schedule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="spooling.schedule",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SendEstimate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("estimated_on", models.DateField()),
                ("subscriptions", models.PositiveIntegerField()),
                ("identities", models.PositiveIntegerField()),
                (
                    "messageset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="estimates",
                        to="spooling.messageset",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Shape",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(help_text="`*`: all.", max_length=253)),
                ("deferred_until", models.DateTimeField(blank=True, null=True)),
                ("faults", models.PositiveIntegerField(default=0, help_text="Connection faults in a row.")),
                ("last_fault", models.CharField(blank=True, max_length=500)),
                ("allowance", models.FloatField(default=0)),
                ("refilled_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("pace", models.PositiveIntegerField(default=1000)),
                (
                    "router",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shapes",
                        to="spooling.router",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SpoolerMessage",
            fields=[
                (
                    "spooler",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="message",
                        serialize=False,
                        to="spooling.spooler",
                    ),
                ),
                ("sender", models.TextField(blank=True)),
                ("recipient", models.TextField(blank=True)),
                ("subject", models.TextField(blank=True)),
                ("headers", models.JSONField(default=dict)),
                ("variables", models.JSONField(default=dict)),
                ("parts", models.JSONField(default=list)),
                ("attachments", models.JSONField(default=list)),
                ("unsubscribe", models.CharField(blank=True, max_length=33)),
            ],
        ),
        migrations.AddField(
            model_name="spooler",
            name="content",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="spooling.content",
            ),
        ),
        migrations.AddField(
            model_name="spooler",
            name="domain",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="spoolers",
                to="earwig.domain",
            ),
        ),
        migrations.AddField(
            model_name="resource",
            name="spooler",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="resources", to="spooling.spooler"
            ),
        ),
        migrations.AddField(
            model_name="mail",
            name="spooler",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="spooling.spooler",
            ),
        ),
        migrations.CreateModel(
            name="LedgerDelta",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("spooled", models.BigIntegerField(db_default=0, default=0)),
                ("waiting", models.BigIntegerField(db_default=0, default=0)),
                ("sending", models.BigIntegerField(db_default=0, default=0)),
                ("delivered", models.BigIntegerField(db_default=0, default=0)),
                ("failed", models.BigIntegerField(db_default=0, default=0)),
                ("blocked", models.BigIntegerField(db_default=0, default=0)),
                ("quarantined", models.BigIntegerField(db_default=0, default=0)),
                ("expired", models.BigIntegerField(db_default=0, default=0)),
                ("cancelled", models.BigIntegerField(db_default=0, default=0)),
                ("in_doubt", models.BigIntegerField(db_default=0, default=0)),
                ("deferrals", models.BigIntegerField(db_default=0, default=0)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="earwig.account",
                    ),
                ),
                (
                    "spooler",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deltas",
                        to="spooling.spooler",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Backlog",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(max_length=32)),
                ("next_due_at", models.DateTimeField(null=True)),
                ("floor_at", models.DateTimeField(null=True)),
                ("floor_id", models.BigIntegerField(default=0)),
                (
                    "spooler",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="backlogs",
                        to="spooling.spooler",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StageMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence_number", models.IntegerField()),
                ("lang", models.CharField(max_length=6)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("text_content", models.TextField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "binary_content",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="spooling.binarycontent",
                    ),
                ),
                (
                    "messageset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="spooling.messageset",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stage_messages",
                        to="templates_app.template",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("wire", models.CharField(max_length=10)),
                ("client_reference", models.CharField(blank=True, max_length=200)),
                ("tags", models.JSONField(default=list)),
                ("metadata", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="submissions",
                        to="earwig.account",
                    ),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="earwig.apikey",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="mail",
            name="submission",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="spooling.submission",
            ),
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("version", models.IntegerField(default=1)),
                ("identity", models.CharField(max_length=36)),
                ("initial_sequence_number", models.IntegerField(default=1)),
                ("next_sequence_number", models.IntegerField(default=1)),
                ("lang", models.CharField(max_length=6)),
                ("active", models.BooleanField(default=True)),
                ("completed", models.BooleanField(default=False)),
                ("process_status", models.IntegerField(default=0)),
                ("metadata", models.JSONField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("locked_until", models.DateTimeField(editable=False, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="earwig.account",
                    ),
                ),
                (
                    "messageset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="spooling.messageset",
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="spooling.schedule",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SendFailure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("task_id", models.UUIDField(default=uuid.uuid4)),
                ("initiated_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("reason", models.CharField(max_length=500)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="send_failures",
                        to="earwig.account",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="failures",
                        to="spooling.subscription",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Resend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("outbound_id", models.CharField(blank=True, max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="spooling.stagemessage",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="resends",
                        to="spooling.subscription",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BehindSubscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("messages_behind", models.IntegerField()),
                ("current_sequence_number", models.IntegerField()),
                ("expected_sequence_number", models.IntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="behind_subscriptions",
                        to="earwig.account",
                    ),
                ),
                (
                    "current_messageset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="spooling.messageset",
                    ),
                ),
                (
                    "expected_messageset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="spooling.messageset",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="behind",
                        to="spooling.subscription",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address_hash", models.CharField(max_length=64)),
                ("address", models.CharField(blank=True, max_length=320)),
                ("domain", models.CharField(blank=True, help_text="Sending domain.", max_length=253)),
                ("stream", models.CharField(blank=True, help_text="Lane.", max_length=13)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("hard_bounce", "Hard Bounce"),
                            ("complaint", "Complaint"),
                            ("unsubscribe", "Unsubscribe"),
                            ("manual", "Manual"),
                        ],
                        max_length=11,
                    ),
                ),
                ("source", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="earwig.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TrappedMail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("received_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("envelope_sender", models.CharField(blank=True, max_length=320)),
                ("envelope_recipient", models.CharField(max_length=320)),
                ("subject", models.CharField(blank=True, max_length=500)),
                ("raw", models.BinaryField()),
            ],
            options={
                "verbose_name": "trapped mail",
                "verbose_name_plural": "trapped mail",
                "indexes": [models.Index(fields=["envelope_recipient"], name="trapped_by_recipient")],
            },
        ),
        migrations.CreateModel(
            name="WarmUp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("started_on", models.DateField(help_text="UTC.")),
                (
                    "first_day",
                    models.PositiveIntegerField(
                        default=50, help_text="Mails to each provider on the first day."
                    ),
                ),
                (
                    "growth_percent",
                    models.PositiveIntegerField(default=50, help_text="More than on the day before."),
                ),
                ("days", models.PositiveIntegerField(default=30)),
                (
                    "domain",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="warm_up",
                        to="earwig.domain",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WarmUpDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(max_length=32)),
                ("day", models.DateField()),
                ("mails", models.PositiveIntegerField(default=0)),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="spent",
                        to="spooling.warmup",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="attachment",
            constraint=models.UniqueConstraint(
                fields=("account", "digest"), name="attachment_once_per_account"
            ),
        ),
        migrations.AddIndex(
            model_name="binarycontent",
            index=models.Index(fields=["account", "id"], name="binary_content_of_account"),
        ),
        migrations.AddConstraint(
            model_name="contentlink",
            constraint=models.UniqueConstraint(fields=("content", "number"), name="content_link_once"),
        ),
        migrations.AddIndex(
            model_name="dmarcreport",
            index=models.Index(fields=["account", "begins_at"], name="dmarc_report_by_day"),
        ),
        migrations.AddConstraint(
            model_name="dmarcreport",
            constraint=models.UniqueConstraint(
                fields=("account", "domain", "organisation", "report_id"), name="dmarc_report_once"
            ),
        ),
        migrations.AddIndex(
            model_name="hostedfile",
            index=models.Index(fields=["account", "id"], name="hosted_file_of_account"),
        ),
        migrations.AddIndex(
            model_name="incomingmail",
            index=models.Index(
                condition=models.Q(("mail_id__isnull", False)), fields=["mail_id"], name="incoming_of_mail"
            ),
        ),
        migrations.AddIndex(
            model_name="incomingmail",
            index=models.Index(fields=["account", "received_at"], name="incoming_of_account"),
        ),
        migrations.AddIndex(
            model_name="jobrequest",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "running"])),
                fields=["id"],
                name="job_request_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="jobfile",
            constraint=models.UniqueConstraint(fields=("job", "name", "number"), name="job_file_piece_once"),
        ),
        migrations.AddField(
            model_name="pending",
            name="account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="earwig.account",
            ),
        ),
        migrations.AddField(
            model_name="pending",
            name="spooler",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="spooling.spooler",
            ),
        ),
        migrations.AddConstraint(
            model_name="router", constraint=models.UniqueConstraint(fields=("name",), name="router_name")
        ),
        migrations.AddConstraint(
            model_name="router",
            constraint=models.UniqueConstraint(
                condition=models.Q(("default", True)),
                fields=("account",),
                name="router_one_default_per_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="router",
            constraint=models.UniqueConstraint(
                condition=models.Q(("account", None), ("default", True)),
                fields=("default",),
                name="router_one_default_for_all",
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(fields=("account", "provider"), name="route_once_per_account"),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(
                condition=models.Q(("account", None)), fields=("provider",), name="route_once_for_all"
            ),
        ),
        migrations.AddConstraint(
            model_name="providerlimit",
            constraint=models.UniqueConstraint(fields=("router", "provider"), name="limit_once_per_provider"),
        ),
        migrations.AddConstraint(
            model_name="connectionslot",
            constraint=models.UniqueConstraint(
                fields=("router", "provider", "worker"), name="slot_once_per_worker"
            ),
        ),
        migrations.AddIndex(
            model_name="schedule", index=models.Index(fields=["account", "id"], name="schedule_of_account")
        ),
        migrations.AddIndex(
            model_name="schedule", index=models.Index(fields=["next_run_at"], name="schedule_next_run")
        ),
        migrations.AddConstraint(
            model_name="messageset",
            constraint=models.UniqueConstraint(
                fields=("account", "short_name"), name="message_set_short_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="messageset",
            constraint=models.CheckConstraint(
                condition=models.Q(("content_type__in", ["text", "audio"])), name="message_set_known_type"
            ),
        ),
        migrations.AddIndex(
            model_name="schedulerun",
            index=models.Index(
                condition=models.Q(("state", "running")), fields=["id"], name="schedule_run_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="schedulerun",
            constraint=models.UniqueConstraint(fields=("schedule", "due_at"), name="schedule_run_once"),
        ),
        migrations.AddConstraint(
            model_name="schedulerun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["running", "done", "missed"])),
                name="schedule_run_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="sendestimate",
            constraint=models.UniqueConstraint(
                fields=("estimated_on", "messageset"), name="send_estimate_once_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="shape",
            constraint=models.UniqueConstraint(fields=("router", "provider"), name="shape_once_per_provider"),
        ),
        migrations.AddIndex(
            model_name="spooler", index=models.Index(fields=["account", "id"], name="spooler_of_account")
        ),
        migrations.AddIndex(
            model_name="spooler",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("type", "campaign")),
                fields=["id"],
                name="spooler_open_campaign",
            ),
        ),
        migrations.AddConstraint(
            model_name="spooler",
            constraint=models.UniqueConstraint(
                condition=models.Q(("type", "stream")),
                fields=("account", "lane"),
                name="spooler_one_stream_per_lane",
            ),
        ),
        migrations.AddConstraint(
            model_name="spooler",
            constraint=models.UniqueConstraint(
                condition=models.Q(("type", "draft")),
                fields=("domain",),
                name="spooler_one_of_drafts_per_domain",
            ),
        ),
        migrations.AddConstraint(
            model_name="spooler",
            constraint=models.UniqueConstraint(
                condition=models.Q(("domain", None), ("type", "draft")),
                fields=("account",),
                name="spooler_one_of_drafts_without_domain",
            ),
        ),
        migrations.AddConstraint(
            model_name="spooler",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("lane__in", ["transactional", "bulk"]),
                    ("state__in", ["pending", "ready", "paused", "cancelled", "finished"]),
                    ("type__in", ["campaign", "stream", "draft"]),
                ),
                name="spooler_known_words",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerdelta",
            index=models.Index(fields=["spooler", "at"], name="ledger_delta_of_spooler"),
        ),
        migrations.AddIndex(
            model_name="ledgerdelta",
            index=models.Index(fields=["account", "at"], name="ledger_delta_of_account"),
        ),
        migrations.AddConstraint(
            model_name="ledgerdelta",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "spooled",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.expressions.CombinedExpression(
                                                    django.db.models.expressions.CombinedExpression(
                                                        models.F("waiting"), "+", models.F("sending")
                                                    ),
                                                    "+",
                                                    models.F("delivered"),
                                                ),
                                                "+",
                                                models.F("failed"),
                                            ),
                                            "+",
                                            models.F("blocked"),
                                        ),
                                        "+",
                                        models.F("quarantined"),
                                    ),
                                    "+",
                                    models.F("expired"),
                                ),
                                "+",
                                models.F("cancelled"),
                            ),
                            "+",
                            models.F("in_doubt"),
                        ),
                    )
                ),
                name="ledger_delta_balances",
            ),
        ),
        migrations.AddIndex(
            model_name="backlog",
            index=models.Index(
                condition=models.Q(("next_due_at__isnull", False)), fields=["next_due_at"], name="backlog_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="backlog",
            constraint=models.UniqueConstraint(
                fields=("spooler", "provider"), name="backlog_once_per_provider"
            ),
        ),
        migrations.AddIndex(
            model_name="stagemessage",
            index=models.Index(fields=["messageset", "lang", "sequence_number"], name="stage_message_next"),
        ),
        migrations.AddConstraint(
            model_name="stagemessage",
            constraint=models.UniqueConstraint(
                fields=("messageset", "sequence_number", "lang"), name="stage_message_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="stagemessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("text_content", None), _negated=True),
                    models.Q(("binary_content", None), _negated=True),
                    models.Q(("template", None), _negated=True),
                    _connector="OR",
                ),
                name="stage_message_says_something",
            ),
        ),
        migrations.AddIndex(
            model_name="mail", index=models.Index(fields=["email", "spooler"], name="mail_to")
        ),
        migrations.AddIndex(
            model_name="mail", index=models.Index(fields=["account", "id"], name="mail_of_account")
        ),
        migrations.AddIndex(
            model_name="mail", index=models.Index(fields=["spooler", "id"], name="mail_of_spooler")
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("bounced_at__isnull", False)), fields=["bounced_at"], name="mail_bounced"
            ),
        ),
        migrations.AddConstraint(
            model_name="mail",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "waiting",
                            "sending",
                            "delivered",
                            "failed",
                            "blocked",
                            "quarantined",
                            "expired",
                            "cancelled",
                            "in_doubt",
                        ],
                    )
                ),
                name="mail_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="mail",
            constraint=models.UniqueConstraint(
                condition=models.Q(("attempt__isnull", False)),
                fields=("attempt",),
                name="mail_one_per_attempt",
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["account", "id"], name="subscription_of_account"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["account", "identity"], name="subscription_of_identity"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("active", True), ("completed", False), ("process_status", 0)),
                fields=["schedule", "id"],
                name="subscription_ready",
            ),
        ),
        migrations.AddIndex(
            model_name="sendfailure",
            index=models.Index(fields=["account", "id"], name="send_failure_of_account"),
        ),
        migrations.AddIndex(
            model_name="behindsubscription",
            index=models.Index(fields=["account", "id"], name="behind_of_account"),
        ),
        migrations.AddIndex(
            model_name="suppression", index=models.Index(fields=["address_hash"], name="suppression_by_hash")
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.UniqueConstraint(
                fields=("account", "address_hash", "domain", "stream"), name="suppression_once_per_scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.UniqueConstraint(
                condition=models.Q(("account", None)),
                fields=("address_hash", "domain", "stream"),
                name="suppression_once_everywhere",
            ),
        ),
        migrations.AddConstraint(
            model_name="warmupday",
            constraint=models.UniqueConstraint(fields=("plan", "provider", "day"), name="warm_up_day_once"),
        ),
        migrations.AddIndex(
            model_name="pending",
            index=models.Index(
                condition=models.Q(("lane", "bulk"), ("state", "waiting")),
                fields=["spooler", "provider", "due_at", "mail"],
                name="pending_bulk",
            ),
        ),
        migrations.AddIndex(
            model_name="pending",
            index=models.Index(
                condition=models.Q(("lane", "transactional"), ("state", "waiting")),
                fields=["provider", "due_at", "mail"],
                name="pending_transactional",
            ),
        ),
        migrations.AddIndex(
            model_name="pending",
            index=models.Index(
                condition=models.Q(("state", "in_doubt")), fields=["mail"], name="pending_in_doubt"
            ),
        ),
        migrations.AddIndex(
            model_name="pending",
            index=models.Index(
                condition=models.Q(("not_after__isnull", False), ("state", "waiting")),
                fields=["not_after"],
                name="pending_expiring",
            ),
        ),
        migrations.RunPython(leave_room_for_moves, migrations.RunPython.noop),
    ]
