"""What is sent, and to whom."""

import uuid

from django.db import models


class Message(models.Model):
    sender = models.CharField(max_length=320)
    subject = models.TextField()
    text = models.TextField()
    html = models.TextField()
    tags = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)


class Mail(models.Model):
    public_id = models.UUIDField(default=uuid.uuid4, unique=True)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="mails")
    email = models.EmailField(max_length=320)
    name = models.CharField(max_length=200)
    variables = models.JSONField(default=dict)
    state = models.CharField(max_length=11, default="waiting")
    created_at = models.DateTimeField(auto_now_add=True)
