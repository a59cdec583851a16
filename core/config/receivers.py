"""The fields of a receiver of notifications: `[notify.NAME]`, by its `type`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, field

from core.config.fields import ConfigTable
from core.config.types import Command, Path, Text, Url

Moment = Literal["start", "success", "warnings", "fail"]
OperationName = Literal["backup", "rollback", "undo", "discard", "repair", "drill"]
ENDS: tuple[Moment, ...] = ("success", "warnings", "fail")
ALL_OPERATIONS: tuple[OperationName, ...] = get_args(OperationName)

_File = Annotated[Path | None, Meta(description="a file that holds it, readable by the owner")]
_Command = Annotated[Command | None, Meta(description="a program that prints it, as arguments")]
_Credential = Annotated[Text | None, Meta(description="the name of a systemd credential with it")]
_LogLines = Annotated[
    Annotated[int, Meta(ge=0, le=1000)],
    Meta(description="how many of the last lines of the job's text go along; 0: none"),
]
_Operations = Annotated[tuple[OperationName, ...], Meta(description="which operations are told of")]
_CaFile = Annotated[
    Path | None, Meta(description="certificates (PEM) to trust instead of the system's")
]


class Ping(ConfigTable, frozen=True, kw_only=True, tag_field="type", tag="ping"):
    """A check that expects to be called, as healthchecks.io: URL/start, URL, URL/fail."""

    url: Annotated[Url | None, Meta(description="the URL of the check")] = None
    url_file: _File = None
    url_command: _Command = None
    url_credential: _Credential = None
    on: Annotated[tuple[Moment, ...], Meta(description="when it is called")] = ("start", *ENDS)
    operations: _Operations = ("backup",)
    log_lines: _LogLines = 0
    ca_file: _CaFile = None


class Webhook(ConfigTable, frozen=True, kw_only=True, tag_field="type", tag="webhook"):
    """A URL that takes JSON by POST."""

    url: Annotated[Url | None, Meta(description="where it is posted to")] = None
    url_file: _File = None
    url_command: _Command = None
    url_credential: _Credential = None
    template: Annotated[
        dict[str, Any] | str | None,
        Meta(
            description="the JSON to send, as a table or as text, with ${summary}, ${store} and so "
            "on inside of texts; unset: all that is known of the job",
            examples=[{"text": "${summary}"}],
        ),
    ] = None
    headers: Annotated[
        dict[str, Text], Meta(description="further headers; secrets go by token_file")
    ] = field(default_factory=dict)
    token_header: Annotated[
        Text, Meta(description="the header that the token goes into; Authorization takes `Bearer`")
    ] = "Authorization"  # noqa: S105 - a name
    token_file: Annotated[Path | None, Meta(description="a file with a token")] = None
    token_command: _Command = None
    token_credential: _Credential = None
    on: Annotated[tuple[Moment, ...], Meta(description="when it is called")] = ENDS
    operations: _Operations = ALL_OPERATIONS
    log_lines: _LogLines = 0
    ca_file: _CaFile = None


class Mail(ConfigTable, frozen=True, kw_only=True, tag_field="type", tag="mail"):
    """E-mail by SMTP."""

    to: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=50, description="to whom")]
    sender: Annotated[Text, Meta(description="from whom; unset: the account at this host")] = field(
        default="", name="from"
    )
    subject: Annotated[Text, Meta(description="the subject, with ${summary} and so on")] = (
        "${summary}"
    )
    host: Annotated[Text, Meta(description="the SMTP server")] = "localhost"
    port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)],
        Meta(description="its port; 0: 25, 587 with starttls, 465 with tls"),
    ] = 0
    tls: Annotated[
        Literal["none", "starttls", "tls"] | None,
        Meta(description="encryption; unset: none on this machine, else starttls"),
    ] = None
    user: Annotated[Text, Meta(description="the name to log in with; unset: no login")] = ""
    password_file: _File = None
    password_command: _Command = None
    password_credential: _Credential = None
    on: Annotated[tuple[Moment, ...], Meta(description="when it is sent")] = ENDS
    operations: _Operations = ALL_OPERATIONS
    log_lines: _LogLines = 0
    ca_file: _CaFile = None


class Apprise(ConfigTable, frozen=True, kw_only=True, tag_field="type", tag="apprise"):
    """Any service that Apprise knows; needs `magerewind[notify]`. Its URLs are secrets."""

    urls_file: Annotated[Path | None, Meta(description="a file with a URL a line")] = None
    urls_command: Annotated[
        Command | None, Meta(description="a program that prints a URL a line, as arguments")
    ] = None
    urls_credential: Annotated[
        Text | None, Meta(description="the name of a systemd credential with a URL a line")
    ] = None
    on: Annotated[tuple[Moment, ...], Meta(description="when it is sent")] = ENDS
    operations: _Operations = ALL_OPERATIONS
    log_lines: _LogLines = 0


Receiver = Ping | Webhook | Mail | Apprise
RECEIVERS: tuple[type[Receiver], ...] = (Ping, Webhook, Mail, Apprise)
