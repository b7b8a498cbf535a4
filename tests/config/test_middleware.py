"""What every answer goes through."""

from django.http import HttpResponse
from django.test import RequestFactory

from config.middleware import Mounts


def test_a_head_is_answered_with_the_length_and_without_the_body():
    answer = Mounts(lambda request: HttpResponse("four"))(RequestFactory().head("/"))
    assert (answer["Content-Length"], answer.content) == ("4", b"")
