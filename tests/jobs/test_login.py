"""Whether a log-out would kill a job: told from logind's files and a control group."""

from __future__ import annotations

import pwd

import pytest

from core.jobs.login import kills_at_logout, login_note

# Any account with a name that is not root's will do.
ACCOUNT = next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)


def machine(root, *, kills, lingers=False, drop_in=None):
    etc = root / "etc/systemd"
    etc.mkdir(parents=True)
    (etc / "logind.conf").write_text(f"[Login]\n#NAutoVTs=6\nKillUserProcesses={kills}\n")
    if drop_in is not None:
        (etc / "logind.conf.d").mkdir()
        (etc / "logind.conf.d/later.conf").write_text(f"[Login]\nKillUserProcesses={drop_in}\n")
    linger = root / "var/lib/systemd/linger"
    linger.mkdir(parents=True)
    if lingers:
        (linger / ACCOUNT.pw_name).touch()
    return str(root)


def cgroup(root, unit, uid=ACCOUNT.pw_uid):
    path = root / "cgroup"
    path.write_text(f"0::/user.slice/user-{uid}.slice/{unit}\n")
    return str(path)


SESSION = "session-3.scope"
MANAGER = f"user@{ACCOUNT.pw_uid}.service/app.slice/run-1.scope"
LINGER = f"loginctl enable-linger {ACCOUNT.pw_name}"
SCOPE = "systemd-run --user --scope"


@pytest.mark.parametrize(
    ("unit", "kills", "lingers", "said"),
    [
        (SESSION, "yes", False, (LINGER, SCOPE)),
        (SESSION, "yes", True, (SCOPE,)),
        (SESSION, "no", False, ()),
        (MANAGER, "no", False, (LINGER,)),
        (MANAGER, "yes", True, ()),
    ],
)
def test_the_note_says_what_keeps_a_job_alive(tmp_path, unit, kills, lingers, said):
    root = machine(tmp_path, kills=kills, lingers=lingers)
    note = login_note(root, cgroup(tmp_path, unit)) or ""
    assert [word for word in (LINGER, SCOPE) if word in note] == list(said)
    assert "\n" not in note


def test_root_services_and_accounts_without_a_name_are_left_alone(tmp_path):
    root = machine(tmp_path, kills="yes")
    assert login_note(root, cgroup(tmp_path, SESSION, uid=0)) is None
    assert login_note(root, cgroup(tmp_path, SESSION, uid=4000000001)) is None
    service = tmp_path / "service"
    service.write_text("0::/system.slice/cron.service\n")
    assert login_note(root, str(service)) is None
    assert login_note(root, str(tmp_path / "no such file")) is None


def test_the_last_configuration_file_counts(tmp_path):
    assert not kills_at_logout(machine(tmp_path, kills="yes", drop_in="no"))


def test_a_file_that_cannot_be_parsed_is_passed_over(tmp_path):
    root = machine(tmp_path, kills="perhaps")
    assert not kills_at_logout(root)
