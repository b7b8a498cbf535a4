import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import stats.models.events
import stats.models.webhooks


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Reader",
            fields=[
                ("name", models.CharField(max_length=30, primary_key=True, serialize=False)),
                ("transaction", stats.models.events.TransactionId()),
                ("event_id", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="RollupCursor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("transaction", stats.models.events.TransactionId()),
                ("event_id", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="DailyDestinationRollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("router", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("spooled", "Spooled"),
                            ("delivered", "Delivered"),
                            ("tempfail", "Tempfail"),
                            ("failed", "Failed"),
                            ("blocked", "Blocked"),
                            ("quarantined", "Quarantined"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("in_doubt", "In Doubt"),
                            ("requeued", "Requeued"),
                            ("open", "Open"),
                            ("click", "Click"),
                            ("mirror", "Mirror"),
                            ("unsubscribe", "Unsubscribe"),
                            ("complaint", "Complaint"),
                            ("suppressed", "Suppressed"),
                            ("bounce", "Bounce"),
                            ("response", "Response"),
                        ],
                        max_length=12,
                    ),
                ),
                ("hits", models.BigIntegerField(default=0)),
                ("counted", models.BigIntegerField(default=0)),
                ("ended", models.BigIntegerField(default=0)),
                ("account_id", models.BigIntegerField()),
                ("domain_id", models.BigIntegerField()),
                ("day", models.DateField()),
                ("destination", models.CharField(max_length=253)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account_id", "day", "domain_id", "destination", "router", "kind"),
                        name="daily_destination_rollup_once",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="DailyRollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("router", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("spooled", "Spooled"),
                            ("delivered", "Delivered"),
                            ("tempfail", "Tempfail"),
                            ("failed", "Failed"),
                            ("blocked", "Blocked"),
                            ("quarantined", "Quarantined"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("in_doubt", "In Doubt"),
                            ("requeued", "Requeued"),
                            ("open", "Open"),
                            ("click", "Click"),
                            ("mirror", "Mirror"),
                            ("unsubscribe", "Unsubscribe"),
                            ("complaint", "Complaint"),
                            ("suppressed", "Suppressed"),
                            ("bounce", "Bounce"),
                            ("response", "Response"),
                        ],
                        max_length=12,
                    ),
                ),
                ("hits", models.BigIntegerField(default=0)),
                ("counted", models.BigIntegerField(default=0)),
                ("ended", models.BigIntegerField(default=0)),
                ("account_id", models.BigIntegerField()),
                ("domain_id", models.BigIntegerField()),
                ("lane", models.CharField(max_length=13)),
                ("day", models.DateField()),
                ("provider", models.CharField(max_length=32)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account_id", "day", "domain_id", "lane", "provider", "router", "kind"),
                        name="daily_rollup_once",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("domain_id", models.BigIntegerField(null=True)),
                ("spooler_id", models.BigIntegerField()),
                ("mail_id", models.BigIntegerField()),
                ("destination", models.CharField(help_text="Domain of the recipient.", max_length=253)),
                ("provider", models.CharField(max_length=32)),
                ("router", models.CharField(blank=True, max_length=100)),
                ("lane", models.CharField(max_length=13)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("spooled", "Spooled"),
                            ("delivered", "Delivered"),
                            ("tempfail", "Tempfail"),
                            ("failed", "Failed"),
                            ("blocked", "Blocked"),
                            ("quarantined", "Quarantined"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("in_doubt", "In Doubt"),
                            ("requeued", "Requeued"),
                            ("open", "Open"),
                            ("click", "Click"),
                            ("mirror", "Mirror"),
                            ("unsubscribe", "Unsubscribe"),
                            ("complaint", "Complaint"),
                            ("suppressed", "Suppressed"),
                            ("bounce", "Bounce"),
                            ("response", "Response"),
                        ],
                        max_length=12,
                    ),
                ),
                ("counts", models.SmallIntegerField(db_default=1, default=1)),
                ("ends", models.CharField(blank=True, db_default="", max_length=12)),
                ("ended_router", models.CharField(blank=True, db_default="", max_length=100)),
                ("ended_at", models.DateTimeField(null=True)),
                ("at", models.DateTimeField()),
                ("detail", models.JSONField(default=dict)),
                (
                    "transaction",
                    stats.models.events.TransactionId(db_default=stats.models.events.CurrentTransaction()),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["mail_id"], name="event_by_mail"),
                    models.Index(fields=["transaction"], name="event_in_order"),
                    models.Index(fields=["account_id", "transaction", "id"], name="event_of_account"),
                    models.Index(fields=["spooler_id", "transaction", "id"], name="event_of_spooler"),
                    models.Index(
                        condition=models.Q(("kind__in", ["failed", "bounce"])),
                        fields=["account_id", "at"],
                        name="event_of_failure",
                    ),
                    models.Index(
                        condition=models.Q(("kind__in", ["blocked", "expired", "failed", "quarantined"])),
                        fields=["transaction", "id"],
                        name="event_undelivered",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="MetricSample",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("value", models.FloatField(default=0)),
                ("pushed_value", models.FloatField(editable=False, null=True)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account_id", "name"), name="metric_once_per_account")
                ]
            },
        ),
        migrations.CreateModel(
            name="SpoolerDestinationRollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("router", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("spooled", "Spooled"),
                            ("delivered", "Delivered"),
                            ("tempfail", "Tempfail"),
                            ("failed", "Failed"),
                            ("blocked", "Blocked"),
                            ("quarantined", "Quarantined"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("in_doubt", "In Doubt"),
                            ("requeued", "Requeued"),
                            ("open", "Open"),
                            ("click", "Click"),
                            ("mirror", "Mirror"),
                            ("unsubscribe", "Unsubscribe"),
                            ("complaint", "Complaint"),
                            ("suppressed", "Suppressed"),
                            ("bounce", "Bounce"),
                            ("response", "Response"),
                        ],
                        max_length=12,
                    ),
                ),
                ("hits", models.BigIntegerField(default=0)),
                ("counted", models.BigIntegerField(default=0)),
                ("ended", models.BigIntegerField(default=0)),
                ("spooler_id", models.BigIntegerField()),
                ("destination", models.CharField(max_length=253)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("spooler_id", "destination", "router", "kind"),
                        name="spooler_destination_rollup_once",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="SpoolerRollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("router", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("spooled", "Spooled"),
                            ("delivered", "Delivered"),
                            ("tempfail", "Tempfail"),
                            ("failed", "Failed"),
                            ("blocked", "Blocked"),
                            ("quarantined", "Quarantined"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("in_doubt", "In Doubt"),
                            ("requeued", "Requeued"),
                            ("open", "Open"),
                            ("click", "Click"),
                            ("mirror", "Mirror"),
                            ("unsubscribe", "Unsubscribe"),
                            ("complaint", "Complaint"),
                            ("suppressed", "Suppressed"),
                            ("bounce", "Bounce"),
                            ("response", "Response"),
                        ],
                        max_length=12,
                    ),
                ),
                ("hits", models.BigIntegerField(default=0)),
                ("counted", models.BigIntegerField(default=0)),
                ("ended", models.BigIntegerField(default=0)),
                ("spooler_id", models.BigIntegerField()),
                ("hour", models.DateTimeField()),
                ("provider", models.CharField(max_length=32)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("spooler_id", "hour", "provider", "router", "kind"),
                        name="spooler_rollup_once",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Webhook",
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
                        default=stats.models.webhooks.new_webhook_token,
                        editable=False,
                        max_length=33,
                        unique=True,
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("url", models.CharField(max_length=2000)),
                ("kinds", models.JSONField(blank=True, default=list, help_text="Empty: all.")),
                (
                    "format",
                    models.CharField(
                        choices=[("native", "Native"), ("smtpeter", "Smtpeter")],
                        default="native",
                        max_length=8,
                    ),
                ),
                ("settings", models.JSONField(blank=True, default=dict, help_text="Of its format.")),
                ("secret_sealed", models.TextField(editable=False)),
                ("previous_secret_sealed", models.TextField(blank=True, editable=False)),
                ("previous_until", models.DateTimeField(editable=False, null=True)),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("transaction", stats.models.events.TransactionId(default=0)),
                ("event_id", models.BigIntegerField(default=0)),
                ("tries", models.PositiveIntegerField(default=0, help_text="Failures in a row.")),
                ("failing_since", models.DateTimeField(null=True)),
                ("next_try_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("leased_until", models.DateTimeField(null=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("paused_because", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account_id"], name="webhook_of_account"),
                    models.Index(
                        condition=models.Q(("paused_at", None)), fields=["next_try_at"], name="webhook_due"
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first_event_id", models.BigIntegerField()),
                ("last_event_id", models.BigIntegerField()),
                ("events", models.PositiveIntegerField()),
                ("replay", models.BooleanField(default=False)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "status",
                    models.PositiveSmallIntegerField(help_text="Of its answer; empty: none came.", null=True),
                ),
                ("fault", models.CharField(blank=True, max_length=200)),
                ("milliseconds", models.PositiveIntegerField(default=0)),
                (
                    "webhook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="stats.webhook",
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["webhook", "at"], name="webhook_delivery_log")]},
        ),
    ]
