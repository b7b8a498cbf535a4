"""Every mount of the installation."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config import health, views, wires
from earwig.api.tokens import LoginView
from spooling import media
from spooling.api.metrics import MetricsView

handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"

urlpatterns = [
    path("api/v1/", include("spooling.api.urls")),
    path("api/v1/", include("templates_app.api.urls")),
    path("api/v1/", include("earwig.api.urls")),
    re_path(r"^api/token-auth/?$", LoginView.as_view()),
    re_path(r"^api/metrics/?$", MetricsView.as_view()),
    re_path(r"^api/metrics\.json$", MetricsView.as_view(schema=None)),
    re_path(r"^api/health/?$", health.HealthView.as_view()),
    # Some clients ask below it; the document describes it once.
    re_path(r"^api/health/.+$", health.HealthView.as_view(schema=None)),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    # OPTIONS would ask its template for a description that it has none for.
    re_path(
        r"^api/docs/?$",
        SpectacularSwaggerView.as_view(url_name="schema", http_method_names=["get", "head"]),
        name="docs",
    ),
    # Before the wires: the index at `/` is of all.
    path("", views.index),
    *(re_path(f"^{prefix}", include(mount.urls)) for mount in wires.MOUNTS for prefix in mount.prefixes),
    path("admin/", admin.site.urls),
    re_path(r"^healthz/?$", health.healthz),
    re_path(r"^readyz/?$", health.readyz),
    re_path(r"^metrics/?$", health.metrics),
    path("media/<str:name>", media.serve),
    path("t/", include("spooling.link_pages.urls")),
    # Http404 would go around the middleware of programs.
    re_path("", views.not_found),
]
