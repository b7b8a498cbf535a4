"""Table of contents of the wire. Without names: it is mounted twice."""

from django.urls import re_path

from spooling.wires.handoff.views.feedback import FeedbackView
from spooling.wires.handoff.views.messages import MessagesView, MessageView
from spooling.wires.handoff.views.senders import SenderView
from spooling.wires.handoff.views.statistics import OverviewView, ResponseView, TemplateView

urlpatterns = [
    re_path(r"^sender/?$", SenderView.as_view()),
    re_path(r"^message/?$", MessagesView.as_view()),
    re_path(r"^message/(?P<mid>[^/]+)/?$", MessageView.as_view()),
    re_path(r"^flag/(?P<attempt_id>[^/]+)/(?P<token>[^/]+)/?$", FeedbackView.as_view()),
    re_path(r"^statistics/(?P<attempt_id>[^/]+)/(?P<token>[^/]+)/?$", ResponseView.as_view()),
    re_path(r"^management/statistics/overview/?$", OverviewView.as_view()),
    re_path(r"^management/statistics/overview/(?P<template>[^/]+)/?$", TemplateView.as_view()),
]
