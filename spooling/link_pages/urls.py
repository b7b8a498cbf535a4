"""Where tracked links lead."""

from django.urls import path

from spooling.link_pages import views

urlpatterns = [
    path("c/<str:token>", views.click),
    path("p/<str:token>", views.pixel),
    path("m/<str:token>", views.mirror),
    path("u/<str:token>", views.unsubscribe),
]
