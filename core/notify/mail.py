"""One e-mail by SMTP, with or without TLS."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Final

from core.account.ids import name_of
from core.config.receivers import Mail
from core.config.template import text_of
from core.config.types import is_loopback
from core.errors import NotTold

_PORTS: Final[Mapping[str, int]] = {"none": 25, "starttls": 587, "tls": 465}
_LEAST_S: Final = 0.1
_MOST: Final = 200  # letters of a server's own words
_LINE: Final = 900  # letters of a header


def encryption(mail: Mail) -> str:
    """Return how a connection is encrypted: by default not on this machine, else STARTTLS."""
    if mail.tls is not None:
        return mail.tls
    return "none" if is_loopback(mail.host) else "starttls"


def _header(text: str) -> str:
    """Return a text as one line: a line end in it would begin another header."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:_LINE]


def message_of(mail: Mail, values: Mapping[str, Any], text: str, *, uid: int) -> EmailMessage:
    """Return the message."""
    host = socket.gethostname()
    message = EmailMessage()
    message["Subject"] = _header(text_of(mail.subject, values))
    message["From"] = _header(mail.sender or f"{name_of(uid)}@{host}")
    message["To"] = ", ".join(_header(one) for one in mail.to)
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=host)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.encode("utf-8", "replace").decode("utf-8"))
    return message


def send(mail: Mail, message: EmailMessage, password: str | None, deadline_s: float) -> None:
    """Send it, by `time.monotonic()` before the deadline. Raises NotTold."""
    try:
        _send(mail, message, password, deadline_s)
    except TimeoutError:
        raise NotTold("no answer in time") from None
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or "TLS failed"
        raise NotTold(f"TLS: {reason}") from None
    except smtplib.SMTPAuthenticationError as error:
        raise NotTold(f"the login was refused ({error.smtp_code})") from None
    except smtplib.SMTPResponseException as error:
        raise NotTold(f"the answer was {error.smtp_code}{_said(error.smtp_error)}") from None
    except smtplib.SMTPRecipientsRefused as error:
        refused = next(iter(error.recipients.values()), (0, b""))
        raise NotTold(f"the recipient was refused ({refused[0]})") from None
    except smtplib.SMTPServerDisconnected as error:
        late = time.monotonic() >= deadline_s - _LEAST_S
        why = "no answer in time" if late else f"no SMTP: {_words(str(error))}"
        raise NotTold(why) from None
    except smtplib.SMTPException as error:
        raise NotTold(f"no SMTP: {_words(str(error))}") from None
    except OSError as error:
        raise NotTold(error.strerror or type(error).__name__) from None
    except (ValueError, UnicodeError) as error:
        raise NotTold(f"it cannot be sent ({type(error).__name__})") from None


def _said(text: bytes | str) -> str:
    words = _words(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
    return f" {words}" if words else ""


def _words(text: str) -> str:
    return _header(text)[:_MOST]


def _send(mail: Mail, message: EmailMessage, password: str | None, deadline_s: float) -> None:
    how = encryption(mail)
    port = mail.port or _PORTS[how]
    context = None if how == "none" else ssl.create_default_context(cafile=mail.ca_file)
    name = socket.gethostname()
    left_s = _left(deadline_s)
    if how == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            mail.host, port, local_hostname=name, timeout=left_s, context=context
        )
    else:
        connection = smtplib.SMTP(mail.host, port, local_hostname=name, timeout=left_s)
    try:
        if how == "starttls":
            connection.starttls(context=context)
        if password is not None:
            connection.login(mail.user, password)
        if connection.sock is not None:
            connection.sock.settimeout(_left(deadline_s))
        connection.send_message(message)
        connection.quit()
    finally:
        connection.close()


def _left(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s < _LEAST_S:
        raise TimeoutError
    return left_s
