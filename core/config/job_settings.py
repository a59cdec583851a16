"""The part of the configuration that a job needs: kept in the job's directory while it exists.

A recovery, days later, runs the hooks of the start. It holds no secret, only the sources of
secrets.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping

import msgspec

from core.config.fields import OperationHooks
from core.config.load import Effective
from core.config.receivers import Apprise, Mail, Receiver
from core.config.secrets import SecretSource, check_secret, secret_of
from core.errors import InvalidConfig, SecretUnreadable
from core.events import Operation


class JobSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings around one job; `store` is its name for people and metrics."""

    store: str
    hooks: OperationHooks = OperationHooks()
    receivers: dict[str, Receiver] = {}
    metrics_file: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is done around the job."""
        none = self.hooks == OperationHooks(timeout=self.hooks.timeout)
        return none and not self.receivers and self.metrics_file is None

    def to_json(self) -> bytes:
        """Return the form on disk."""
        return msgspec.json.encode(self)


def from_json(content: bytes) -> JobSettings:
    """Return the settings that `to_json` wrote. Raises ValueError for anything else."""
    return msgspec.json.decode(content, type=JobSettings)


def settings_of_job(effective: Effective, operation: Operation, root: str) -> JobSettings:
    """Return the settings around a job of this operation on the store at `root`."""
    settings = effective.settings
    hooks: OperationHooks | None = getattr(settings.hooks, operation.value, None)
    general = OperationHooks(
        **{name: getattr(settings.hooks, name) for name in OperationHooks.__struct_fields__}
    )
    # Nothing is known of the job that a repair mends, and a drill leaves the store alone.
    if operation in {Operation.REPAIR, Operation.DRILL}:
        general = OperationHooks()
    store = effective.name or os.path.basename(root.rstrip("/")) or "store"
    receivers = {
        name: effective.receivers[name]
        for name in settings.notify
        if operation.value in effective.receivers[name].operations
    }
    file = settings.metrics_file
    return JobSettings(
        store=store,
        hooks=general if hooks is None else hooks,
        receivers=receivers,
        metrics_file=None if file is None else file.replace("{store}", store),
    )


def secrets_of(name: str, receiver: Receiver) -> Iterator[tuple[str, SecretSource]]:
    """Yield the secrets of a receiver: the stem of the fields, and the source."""
    for stem, what in (
        ("url", "the URL"),
        ("urls", "the list of URLs"),
        ("token", "the token"),
        ("password", "the password"),
    ):
        if stem == "password" and not (isinstance(receiver, Mail) and receiver.user):
            continue
        secret = secret_of(receiver, stem, f"{what} of notify.{name}")
        if secret is not None:
            yield stem, secret


def refuse_unreadable(settings: JobSettings, environ: Mapping[str, str]) -> None:
    """Raise SecretUnreadable or InvalidConfig for a receiver that would fail at a job's end."""
    for name, receiver in settings.receivers.items():
        for _, secret in secrets_of(name, receiver):
            try:
                check_secret(secret, environ)
            except SecretUnreadable as error:
                hint = error.hint or "--no-config does without it."
                raise SecretUnreadable(error.message, hint=hint) from None
        if isinstance(receiver, Apprise) and importlib.util.find_spec("apprise") is None:
            raise InvalidConfig(
                f"notify.{name} needs Apprise, which is not installed.",
                hint="pipx install 'magerewind[notify]'",
            )
