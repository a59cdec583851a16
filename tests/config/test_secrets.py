"""Secrets: read by a file, a program or a credential, with limits, and never shown."""

import os
from pathlib import Path

import pytest

from core.config.secrets import SecretSource, check_secret, read_secret
from core.errors import SecretUnreadable

ENVIRON = {"PATH": os.environ["PATH"], "AWS_SECRET": "hunter2"}


def of_file(path: Path) -> SecretSource:
    return SecretSource(what="the password of notify.mail", file=str(path))


def of_command(*words: str) -> SecretSource:
    return SecretSource(what="the password of notify.mail", command=words)


def refusal(secret: SecretSource, **more: object) -> str:
    with pytest.raises(SecretUnreadable) as refused:
        read_secret(secret, ENVIRON, **more)
    assert "hunter2" not in refused.value.message
    return refused.value.message


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("hunter2\n")
    path.chmod(0o600)
    return path


def test_a_secret_comes_from_a_file_a_program_or_a_credential(password):
    assert read_secret(of_file(password), ENVIRON) == "hunter2"
    assert read_secret(of_command("cat", str(password)), ENVIRON) == "hunter2"
    credential = SecretSource(what="it", credential="password")
    environ = {"CREDENTIALS_DIRECTORY": str(password.parent)}
    assert read_secret(credential, environ) == "hunter2"
    assert "systemd gave none" in refusal(credential)
    with pytest.raises(SecretUnreadable, match="no name of a credential"):
        read_secret(SecretSource(what="it", credential="../password"), environ)


def test_a_program_gets_the_allowed_variables_only_and_no_shell():
    assert "AWS_SECRET" not in read_secret(of_command("env"), ENVIRON, lines=True)
    assert read_secret(of_command("echo", "$HOME;`id`"), ENVIRON) == "$HOME;`id`"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("sh", "-c", "echo hunter2; exit 3"), "failed (exit code 3)"),
        (("sh", "-c", "echo hunter2; sleep 60 & wait"), "did not end in 0.5 s"),
        (("yes", "hunter2"), "printed more than 64 KiB"),
        (("true",), "is empty"),
        (("printf", "hunter2\\nhunter2"), "is more than one line"),
        (("/no/such/program",), "cannot be run by"),
    ],
)
def test_a_program_that_fails_hangs_or_floods_is_refused(words, reason):
    assert reason in refusal(of_command(*words), timeout_s=0.5)


@pytest.mark.parametrize(
    ("mode", "content", "reason"),
    [
        (0o604, b"hunter2", "all accounts may read"),
        (0o622, b"hunter2", "others may write to"),
        (0o600, b"", "is empty"),
        (0o600, b"\n", "is empty"),
        (0o600, b"hunter2\0", "is more than one line"),
        (0o600, b"hunter2\xff", "is not UTF-8"),
        (0o600, b"x" * 70000, "is larger than 64 KiB"),
    ],
)
def test_a_file_that_is_open_or_holds_no_secret_is_refused(password, mode, content, reason):
    password.write_bytes(content)
    password.chmod(mode)
    assert reason in refusal(of_file(password))


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "no ordinary file" in refusal(of_file(tmp_path / "pipe"))
    assert "there is no file" in refusal(of_file(tmp_path / "none"))


def test_a_check_runs_no_program(tmp_path):
    check_secret(of_command("touch", str(tmp_path / "ran")), ENVIRON)
    assert not (tmp_path / "ran").exists()
