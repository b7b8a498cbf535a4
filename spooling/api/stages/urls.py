"""The table of contents of stage-based messaging: each path with and without its final slash, and with `.json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, re_path

from spooling.api.stages.binary_contents import BinaryContentViewSet
from spooling.api.stages.message_sets import LanguagesViewSet, MessageSetViewSet, SetMessagesViewSet
from spooling.api.stages.messages import MessageContents, MessageViewSet
from spooling.api.stages.operations import AudioViewSet, BehindViewSet, EstimateViewSet, FailureViewSet
from spooling.api.stages.schedules import ScheduleSends, ScheduleViewSet
from spooling.api.stages.sends import SubscriptionRequests, SubscriptionSends
from spooling.api.stages.subscriptions import SubscriptionViewSet

_PK = "(?P<pk>[^/]+)"
_LIST: dict[str, Any] = {"get": "list"}
_SHOW: dict[str, Any] = {"get": "retrieve"}

#: First segments below `/api/v1/`.
SEGMENTS = frozenset(
    (
        "schedule",
        "messageset",
        "messageset_languages",
        "message",
        "binarycontent",
        "subscriptions",
        "failed-tasks",
        "runsendestimate",
        "behind-subscriptions",
        "sync_audio_files",
    )
)

_TABLE: tuple[tuple[str, Any], ...] = (
    ("schedule", ScheduleViewSet.as_list()),
    (f"schedule/{_PK}", ScheduleViewSet.as_detail()),
    (f"schedule/{_PK}/send", ScheduleSends.as_view({"post": "send"})),
    ("messageset", MessageSetViewSet.as_list()),
    (f"messageset/{_PK}", MessageSetViewSet.as_detail()),
    (f"messageset/{_PK}/messages", SetMessagesViewSet.as_view(_SHOW)),
    ("messageset_languages", LanguagesViewSet.as_view({"get": "show"})),
    ("message", MessageViewSet.as_list()),
    (f"message/{_PK}", MessageViewSet.as_detail()),
    (f"message/{_PK}/content", MessageContents.as_view(_SHOW)),
    ("binarycontent", BinaryContentViewSet.as_list()),
    (f"binarycontent/{_PK}", BinaryContentViewSet.as_detail()),
    ("subscriptions", SubscriptionViewSet.as_list()),
    ("subscriptions/request", SubscriptionRequests.as_view({"post": "create"})),
    (f"subscriptions/{_PK}", SubscriptionViewSet.as_detail()),
    (f"subscriptions/{_PK}/send", SubscriptionSends.as_view({"post": "send"})),
    (f"subscriptions/{_PK}/resend", SubscriptionSends.as_view({"post": "resend"})),
    ("failed-tasks", FailureViewSet.as_view({**_LIST, "post": "requeue"})),
    (f"failed-tasks/{_PK}", FailureViewSet.as_view(_SHOW)),
    ("runsendestimate", EstimateViewSet.as_view({"post": "estimate"})),
    ("behind-subscriptions", BehindViewSet.as_view(_LIST)),
    ("behind-subscriptions/find_behind_subscriptions", BehindViewSet.as_view({"post": "find"})),
    (f"behind-subscriptions/{_PK}", BehindViewSet.as_view(_SHOW)),
    ("sync_audio_files", AudioViewSet.as_view({"post": "sync"})),
)


def _patterns() -> Iterator[URLPattern]:
    for path, view in _TABLE:
        yield re_path(rf"^{path}\.json$", view)
        yield re_path(f"^{path}/?$", view)


urlpatterns = list(_patterns())
