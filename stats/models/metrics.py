"""The values of metrics."""

from __future__ import annotations

from django.db import models


class MetricSample(models.Model):
    """The present value of one metric of an account: `.sum` only grows, `.last` is set."""

    account_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    value = models.FloatField(default=0)
    #: What METRICS_URL was last told of; None: nothing yet.
    pushed_value = models.FloatField(null=True, editable=False)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account_id", "name"], name="metric_once_per_account")]

    def __str__(self) -> str:
        return self.name
