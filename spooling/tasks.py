"""The Celery tasks of sending, and when beat rings them."""

#: Beat's fixed ticks, by name.
BEAT: dict[str, dict[str, object]] = {}
