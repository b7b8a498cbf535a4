"""Errors of building and signing a mail; each docstring is the message, each `code` is stable."""


class MimeError(ValueError):
    """The mail cannot be built."""

    code = "mime"

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        message = self.__doc__ or ""
        super().__init__(f"{message[:-1]}: {detail}." if detail else message)


class HeaderInjection(MimeError):
    """A header's value holds a line break or a null character."""

    code = "header_injection"


class HeaderNameInvalid(MimeError):
    """A header's name has 1 to 76 printable ASCII characters without colon and space."""

    code = "header_name"


class HeaderReserved(MimeError):
    """This header is written by the platform and cannot be set."""

    code = "header_reserved"


class AddressInvalid(MimeError):
    """An address is not written as local-part@domain."""

    code = "address"


class FileInvalid(MimeError):
    """A file's media type or content id is not well-formed."""

    code = "file"


class KeyInvalid(ValueError):
    """The private key cannot be read or does not fit the signature algorithm."""

    code = "dkim_key"

    def __init__(self) -> None:
        super().__init__(self.__doc__)
