"""The one view."""

from django.db import transaction
from django.urls import path
from rest_framework import serializers
from rest_framework.generics import CreateAPIView

from tests.benchmarks.plain_drf_project.models import Mail, Message


class MailSerializer(serializers.ModelSerializer):
    class Meta:
        model = Mail
        fields = ("public_id", "email", "name", "variables", "state")
        read_only_fields = ("public_id", "state")


class MessageSerializer(serializers.ModelSerializer):
    recipients = MailSerializer(many=True, source="mails")

    class Meta:
        model = Message
        fields = ("sender", "subject", "text", "html", "tags", "recipients")
        extra_kwargs = {"text": {"write_only": True}, "html": {"write_only": True}}

    def get_fields(self):
        fields = super().get_fields()
        # `from` is no identifier.
        fields["from"] = serializers.EmailField(source="sender")
        del fields["sender"]
        return fields

    @transaction.atomic
    def create(self, validated_data):
        mails = validated_data.pop("mails")
        message = Message.objects.create(**validated_data)
        if len(mails) == 1:
            made = [Mail.objects.create(message=message, **mails[0])]
        else:
            made = Mail.objects.bulk_create(Mail(message=message, **mail) for mail in mails)
        message._prefetched_objects_cache = {"mails": made}
        return message


class Messages(CreateAPIView):
    serializer_class = MessageSerializer


urlpatterns = [path("mails/", Messages.as_view())]
