"""The native resources of `earwig`, each with and without its final slash."""

from django.urls import re_path

from earwig.api.people import PersonViewSet
from earwig.api.tokens import UserTokenView

urlpatterns = [
    re_path("^people/?$", PersonViewSet.as_view({"get": "list", "post": "create"})),
    re_path(
        "^people/(?P<pk>[0-9]{1,18})/?$",
        PersonViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    re_path("^user/token/?$", UserTokenView.as_view()),
    re_path(r"^user/token\.json$", UserTokenView.as_view(schema=None)),
]
