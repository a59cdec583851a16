"""`repo:bootstrap`: lays a store down on an empty machine, with nothing but url and password."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from core.cli.commands import CommandSession
from core.durable import write_file
from core.errors import ConfigurationError, SetNotFound, StorageError, UsageError
from core.events import Kind, Report, encode_text
from core.magento.php.put_values import put_values
from core.magento.php.syntax import NotData
from core.magento.store import Store, find_store, shown
from core.operations.bootstrap import Laid, lay_down, make_var, open_configuration, open_target
from core.operations.remote import manifest_of
from core.owned_files import read_plain_file
from core.program import command_of
from core.repository.restic import Restic
from core.repository.sets import TAG, RemoteSet, choose_set, read_holdings
from core.repository.settings import Repository, is_relative
from core.text import numbers
from core.text.lines import note, success

_NAME = "bootstrap"
_ENV_PHP = "app/etc/env.php"
_LIMIT = 4 << 20


@contextmanager
def _repository(session: CommandSession) -> Iterator[Repository]:
    """Give the repository that the words name; a password that is typed is kept for as long."""
    line, environ = session.line, session.environ
    file = line.password_file or environ.get("RESTIC_PASSWORD_FILE")
    command = None if file else environ.get("RESTIC_PASSWORD_COMMAND")
    url = line.url or environ.get("RESTIC_REPOSITORY") or ""
    if url and is_relative(url):
        url = os.path.abspath(url.removeprefix("local:"))
    with tempfile.TemporaryDirectory(prefix="magerewind-") as place:
        if file is None and command is None:
            file = _typed(session, place)
        yield Repository(
            name=_NAME,
            url=url,
            password_file=file,
            password_command=command,
            env_file=line.env_file,
            options=line.restic_options,
            given=True,
        )


def _typed(session: CommandSession, place: str) -> str:
    if not session.line.may_ask or not os.isatty(0):
        raise UsageError(
            "The password of the repository is needed.",
            hint="--password-file FILE, or RESTIC_PASSWORD_FILE in the environment.",
        )
    path = os.path.join(place, "password")
    try:
        typed = getpass.getpass("Password of the repository: ")
    except (EOFError, OSError):
        typed = ""
    if not typed:
        raise UsageError("The password of the repository is needed.")
    write_file(path, typed.encode("utf-8", "surrogateescape"))
    return path


def _chosen(session: CommandSession, restic: Restic) -> RemoteSet:
    """Return the set that is meant, of the only store in the repository or the named one."""
    rows, asked = restic.snapshots(TAG), session.line.store_in_repository
    holdings = read_holdings(rows, _NAME, store=asked)
    everything = holdings if asked is None else read_holdings(rows, _NAME)
    stores = sorted({one.store for one in everything.sets if one.is_whole})
    if asked is not None and asked not in stores:
        raise SetNotFound(
            f"The repository holds no complete set of {shown(asked)}.",
            hint=f"It holds sets of: {', '.join(map(shown, stores))}." if stores else None,
        )
    if asked is None and len(stores) > 1:
        raise UsageError(
            "The repository holds sets of several stores.",
            hint=f"--store-name NAME, one of: {', '.join(map(shown, stores))}.",
        )
    wanted = session.line.backup_set or "latest"
    return choose_set(holdings, wanted, repository=_NAME, kinds=(Kind.CODE,))


def bootstrap_command(session: CommandSession) -> int:
    """`repo:bootstrap`."""
    line = session.line
    if line.root is None:
        raise UsageError("repo:bootstrap needs --root DIR: an empty directory, or a new one.")
    if line.store is not None:
        raise UsageError(
            "--store is a name in a configuration.", hint="--store-name names one in a repository."
        )
    _refuse_half_a_database(session)
    root = os.path.abspath(line.root)
    with _repository(session) as repository, open_target(root, keep_env=line.keep_env) as target:
        restic = Restic(repository, environ=session.environ)
        chosen = _chosen(session, restic)
        manifest = manifest_of(restic, chosen)
        when = numbers.moment(chosen.timestamp, named=True)
        session.console.say(note(f"Set {chosen.timestamp} of {chosen.store}, {when}."))
        if Kind.CODE not in chosen.parts:
            raise SetNotFound("The set has no code: there is nothing to begin with.")
        for laid in lay_down(restic, manifest, target, _reporting(session)):
            session.console.end_progress()
            _say(session, laid)
        make_var(target)
        if line.db_name is not None:
            _connect(target, _connection(session))
        store = find_store(root, root=root)
        if Kind.DB not in chosen.parts:
            return 0
        return _database(session, store, repository, chosen)


def _refuse_half_a_database(session: CommandSession) -> None:
    line = session.line
    given = (line.db_host, line.db_user, line.db_password_file, line.db_socket)
    if line.db_name is None and any(given):
        raise UsageError("--db-name names the schema that the database goes to.")
    if line.keep_env and line.db_name is not None:
        raise UsageError(
            "--keep-env keeps the app/etc/env.php that is there, and --db-name changes it.",
        )


def _reporting(session: CommandSession) -> Report:
    width = shutil.get_terminal_size().columns

    def report(done_bytes: int, items: int, _current: str) -> None:
        text = f"Laying down: {numbers.size(done_bytes)}, {numbers.count(items)} files"
        session.console.progress(text, width=width)

    return report


def _say(session: CommandSession, laid: Laid) -> None:
    if session.console.as_json:
        row = {"type": "LaidDown", "kind": laid.kind.value, "path": encode_text(laid.path)}
        session.console.print_json({**row, "files": laid.files, "content_bytes": laid.bytes})
    size = numbers.size(laid.bytes)
    files = numbers.counted(laid.files, "file")
    where = os.path.normpath(os.path.join(session.line.root or "", laid.path))
    session.console.say(success(f"{laid.kind}: {files}, {size} in {shown(where)}."))
    if laid.left_out:
        what = f"{numbers.counted(laid.left_out, 'device or pipe', 'devices and pipes')} left out"
        session.console.say(note(f"{laid.kind}: {what}; no backup of ours has any."))


def _connection(session: CommandSession) -> Mapping[str, str]:
    """Return the values of a connection that the words give."""
    line = session.line
    values = {"dbname": line.db_name or ""}
    if line.db_socket:
        values |= {"host": "localhost", "unix_socket": line.db_socket}
    elif line.db_host:
        values["host"] = line.db_host
    if line.db_user:
        values["username"] = line.db_user
    if line.db_password_file:
        try:
            content = read_plain_file(line.db_password_file, _LIMIT)
        except OSError as failure:
            raise ConfigurationError(
                f"{line.db_password_file} cannot be read: {failure.strerror}."
            ) from failure
        values["password"] = content.decode("utf-8", "surrogateescape").rstrip("\r\n")
    return values


def _connect(target: int, values: Mapping[str, str]) -> None:
    """Put another database connection into the env.php that was laid down."""
    name = os.path.basename(_ENV_PHP)
    etc = open_configuration(target)
    try:
        status = os.stat(name, dir_fd=etc, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{_ENV_PHP} of the set is no file.")
        source = read_plain_file(name, _LIMIT, dir_fd=etc)
        put: dict[tuple[str, ...], str] = {
            ("db", "connection", "default", key): value for key, value in values.items()
        }
        write_file(name, put_values(source, put), dir_fd=etc)
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=etc)
        try:
            if os.geteuid() == 0:
                os.fchown(fd, status.st_uid, status.st_gid)
            os.fchmod(fd, status.st_mode & 0o777)
        finally:
            os.close(fd)
    except NotData as failure:
        raise ConfigurationError(f"{_ENV_PHP} cannot be changed: {failure}.") from failure
    except OSError as failure:
        raise StorageError(f"{_ENV_PHP} cannot be changed: {failure.strerror}.") from failure
    finally:
        os.close(etc)


def _database(
    session: CommandSession, store: Store, repository: Repository, chosen: RemoteSet
) -> int:
    """Roll the database back to the set, as a job; or say how."""
    line = session.line
    if line.db_name is None and not line.keep_env:
        session.console.say(
            note("The database is not restored: its connection in app/etc/env.php is the old one."),
            note(f"--db-name and --db-host say another one; or put {_ENV_PHP} right, configure "
                 f"the repository and run: magerewind setup:rollback --set {chosen.timestamp} -d "
                 "--from NAME --from-elsewhere"),
        )  # fmt: skip
        return 0
    with _configuration(store, repository) as config:
        return _run(session, store, config, chosen)


@contextmanager
def _configuration(store: Store, repository: Repository) -> Iterator[str]:
    """Give a configuration with the repository, which the store's owner can read."""
    with tempfile.TemporaryDirectory(prefix="magerewind-") as place:
        lines = [f"[repositories.{_NAME}]", f"url = {json.dumps(repository.url)}"]
        files = {"password_file": repository.password_file, "env_file": repository.env_file}
        for key, file in files.items():
            if file is not None:
                copy = os.path.join(place, key)
                write_file(copy, read_plain_file(file, _LIMIT))
                lines.append(f"{key} = {json.dumps(copy)}")
        if repository.password_command is not None:
            lines.append(
                f"password_command = {json.dumps(shlex.split(repository.password_command))}"
            )
        if repository.options:
            lines.append(f"options = {json.dumps(list(repository.options))}")
        path = os.path.join(place, "config.toml")
        write_file(path, "\n".join([*lines, ""]).encode())
        if os.geteuid() == 0 and store.owner_uid != 0:  # who works on it from here on
            for name in os.listdir(place):
                os.chown(os.path.join(place, name), store.owner_uid, store.owner_gid)
            os.chown(place, store.owner_uid, store.owner_gid)
        yield path


def _run(session: CommandSession, store: Store, config: str, chosen: RemoteSet) -> int:
    """Roll the database back as the store's owner, by the command that everybody uses."""
    line = session.line
    words = ["--root", store.root, "--config", config]
    words += ["--as", "root"] if os.geteuid() == 0 and store.owner_uid == 0 else []
    words += ["--json"] if line.as_json else []
    words += ["--quiet"] if line.quiet else []
    words += ["setup:rollback", "--set", str(chosen.timestamp), "-d", "--from", _NAME]
    words += ["--of-store", chosen.store, "--from-elsewhere", "--no-flush", "--yes"]
    with session.interruptions.following():
        process = subprocess.Popen([*command_of("core"), *words])
        return process.wait()
