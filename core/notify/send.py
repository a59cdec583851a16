"""All receivers of a job at once, each in a thread, within one limit of time."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.config.job_settings import secrets_of
from core.config.receivers import Apprise, Mail, Ping, Receiver, Webhook
from core.config.secrets import read_secret
from core.config.template import filled, json_of
from core.errors import MagerewindError, NotTold
from core.notify import texts

LIMIT_S: Final = 9.0
"""For all receivers together; with the file of metrics it stays below ten seconds."""
_PING_WAYS: Final[Mapping[str, str]] = {"start": "/start", "fail": "/fail"}
_JSON: Final = "application/json"


class Notifications:
    """The messages of one job. Nothing here raises."""

    def __init__(self, receivers: Mapping[str, Receiver], environ: Mapping[str, str]) -> None:
        self._receivers = receivers
        self._environ = environ
        self._problems: dict[str, str] = {}
        self._lock = threading.Lock()

    def start(self, facts: Mapping[str, Any], messages: Sequence[str]) -> None:
        """Begin to tell of the start, and do not wait."""
        self._begin(facts, messages, time.monotonic() + LIMIT_S)

    def end(self, facts: Mapping[str, Any], messages: Sequence[str]) -> tuple[str, ...]:
        """Notify all receivers of the end; return the failures since the start, a line each."""
        deadline_s = time.monotonic() + LIMIT_S
        for name, thread in self._begin(facts, messages, deadline_s):
            thread.join(max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                self._failed(name, f"no answer in {LIMIT_S:.0f} s")
        with self._lock:
            return tuple(f"{name} was not told: {why}." for name, why in self._problems.items())

    def _begin(
        self, facts: Mapping[str, Any], messages: Sequence[str], deadline_s: float
    ) -> list[tuple[str, threading.Thread]]:
        begun = []
        for name, receiver in self._receivers.items():
            if facts["event"] not in receiver.on:
                continue
            thread = threading.Thread(
                target=self._tell, args=(name, receiver, facts, messages, deadline_s), daemon=True
            )
            thread.start()
            begun.append((name, thread))
        return begun

    def _failed(self, name: str, why: str) -> None:
        with self._lock:
            self._problems.setdefault(f"notify.{name}", why)

    def _tell(
        self,
        name: str,
        receiver: Receiver,
        facts: Mapping[str, Any],
        messages: Sequence[str],
        deadline_s: float,
    ) -> None:
        try:
            secrets = {
                stem: read_secret(
                    secret,
                    self._environ,
                    lines=stem == "urls",
                    timeout_s=max(0.1, deadline_s - time.monotonic()),
                )
                for stem, secret in secrets_of(name, receiver)
            }
            tell(receiver, secrets, facts, messages, deadline_s)
        except MagerewindError as error:
            self._failed(name, error.message.rstrip("."))
        except Exception as error:  # noqa: BLE001 - of libraries; it could name the URL
            self._failed(name, f"an error of its own ({type(error).__name__})")


def tell(
    receiver: Receiver,
    secrets: Mapping[str, str],
    facts: Mapping[str, Any],
    messages: Sequence[str],
    deadline_s: float,
) -> None:
    """Send one message. Raises NotTold, and any exception of Apprise."""
    values = texts.values_of(facts, messages, receiver.log_lines)
    text = texts.text_of(facts, messages, receiver.log_lines)
    match receiver:
        case Ping():
            _ping(receiver, secrets["url"], facts["event"], text, deadline_s)
        case Webhook():
            _webhook(receiver, secrets, {**facts, **_asked(values)}, values, deadline_s)
        case Mail():
            from core.notify import mail  # noqa: PLC0415 - loads much

            message = mail.message_of(receiver, values, text, uid=os.geteuid())
            mail.send(receiver, message, secrets.get("password"), deadline_s)
        case Apprise():
            _apprise(secrets["urls"], values["summary"], text)


def _asked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a message without a template, besides the facts."""
    log = {"log": values["log"]} if values["log"] else {}
    return {"summary": values["summary"], **log}


def _ping(ping: Ping, url: str, event: str, text: str, deadline_s: float) -> None:
    from core.notify import http  # noqa: PLC0415 - loads much

    base, mark, query = url.partition("?")
    request = http.Request(
        url=f"{base.rstrip('/')}{_PING_WAYS[event]}{mark}{query}" if event in _PING_WAYS else url,
        body=text.encode("utf-8", "replace"),
        content_type="text/plain; charset=utf-8",
        headers={},
        ca_file=ping.ca_file,
    )
    http.post(request, deadline_s)


def _webhook(
    webhook: Webhook,
    secrets: Mapping[str, str],
    facts: Mapping[str, Any],
    values: Mapping[str, Any],
    deadline_s: float,
) -> None:
    from core.notify import http  # noqa: PLC0415 - as above

    template = webhook.template
    content = facts if template is None else filled(json_of(template), values)
    request = http.Request(
        url=secrets["url"],
        body=json.dumps(content).encode(),
        content_type=_JSON,
        headers=webhook.headers,
        token=secrets.get("token"),
        token_header=webhook.token_header,
        ca_file=webhook.ca_file,
    )
    http.post(request, deadline_s)


def _apprise(urls: str, title: str, text: str) -> None:
    import apprise  # noqa: PLC0415 - an optional extra

    told = apprise.Apprise()
    for line in urls.splitlines():
        if line.strip() and not told.add(line.strip()):
            raise NotTold("one of its URLs is none of Apprise's")
    if not told.notify(title=title, body=text):
        raise NotTold("Apprise says that it failed")
