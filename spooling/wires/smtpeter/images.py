"""Embedded images → hosted files (contract §4.1, `images: hosted`), of both forms of a send: HTML, and complete
messages. In the caller's transaction: the files come with the mails or not at all.
"""

from __future__ import annotations

import binascii
import dataclasses
import hashlib
import re
from datetime import datetime
from urllib.parse import unquote

from spooling import files, message_html
from spooling.delivery.structure import Entity
from spooling.outbox.drafts import NewContent

#: Of one mail.
MOST = 100
#: What a browser shows as a picture and nothing else.
_TYPES = "image/(?:png|jpeg|gif|webp|avif|bmp)"
_DATA = re.compile(rf"""(?<=["'(])data:({_TYPES});base64,([A-Za-z0-9+/=%\s]+)(?=["')])""", re.IGNORECASE)
_TYPE = re.compile(_TYPES)
_CID = re.compile(r"""(?<=["'(])cid:([^"'()<>\s]+)(?=["')])""", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """Where images of an account are kept from now on."""

    account_id: int
    now: datetime
    #: By type and digest: many contents of one call have the same.
    urls: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict)

    def hosted(self, content: NewContent) -> NewContent:
        """The content with its embedded images at addresses of the web."""
        if not content.raw:
            return dataclasses.replace(content, html=self._without_data(content.html))
        return message_html.changed(content, self._hosted_parts)

    def _hosted_parts(self, message: Entity, html: str) -> str:
        """HTML whose images came along as parts, which the message loses."""
        images = {_content_id(leaf): leaf for leaf in message.leaves() if _TYPE.fullmatch(leaf.type)}
        named = {
            cid for cid in _CID.findall(html) if unquote(cid) in images and not images[unquote(cid)].sealed
        }
        urls = {
            cid: self._url(_name(images[unquote(cid)]), images[unquote(cid)]) for cid in sorted(named)[:MOST]
        }
        for cid in urls:
            _remove(message, images[unquote(cid)])
        return self._without_data(_CID.sub(lambda found: urls.get(found[1], found[0]), html))

    def _url(self, name: str, leaf: Entity) -> str:
        return self._kept(name, leaf.type, leaf.decoded())

    def _without_data(self, html: str) -> str:
        return _DATA.sub(self._hosted_data, html, count=MOST)

    def _hosted_data(self, found: re.Match[str]) -> str:
        try:
            data = binascii.a2b_base64(unquote(found[2]))
        except ValueError:
            return found[0]
        type_ = found[1].lower()
        return self._kept(f"image.{type_.partition('/')[2]}", type_, data)

    def _kept(self, name: str, type_: str, data: bytes) -> str:
        key = (type_, hashlib.sha256(data).hexdigest())
        if key not in self.urls:
            file = files.keep(self.account_id, name=name, type_=type_, data=data, now=self.now)
            self.urls[key] = files.url(file)
        return self.urls[key]


def _content_id(leaf: Entity) -> str:
    given = leaf.values("content-id")
    return given[0].decode("utf-8", "replace").strip("<> \t") if given else ""


def _name(leaf: Entity) -> str:
    return f"{_content_id(leaf).partition('@')[0][:200]}.{leaf.type.partition('/')[2]}"


def _remove(entity: Entity, leaf: Entity) -> None:
    for place, part in enumerate(entity.parts):
        if part is leaf:
            # The seam before it goes with it: one delimiter each.
            del entity.parts[place], entity.seams[place]
            return
        _remove(part, leaf)
