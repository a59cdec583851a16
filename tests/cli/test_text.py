"""The narration, held against the lines of Magento's own commands."""

import pytest

from core.errors import MagerewindError, PreflightRefused
from core.events import (
    EVENT_TYPES,
    BackupCompleted,
    BackupStarted,
    CancelRequested,
    CommitReached,
    Event,
    Failed,
    FollowUp,
    JobBegan,
    JobEnded,
    Kind,
    MaintenanceDisabled,
    MaintenanceEnabled,
    Operation,
    Outcome,
    PermissionReminder,
    Progressed,
    RollbackCompleted,
    RollbackStarted,
    Stamped,
    Step,
    Warned,
)
from core.text.lines import Line, Narrator, Style, error_lines, lines_of


def completed(kind: Kind, name: str) -> BackupCompleted:
    return BackupCompleted(
        kind=kind,
        file_name=name,
        path=f"/var/www/shop/var/backups/{name}",
        size_bytes=1,
        items=1,
        sha256="",
        elapsed_s=1.0,
    )


def texts(*events: Event) -> list[str]:
    return [line.text for event in events for line in lines_of(event)]


def test_a_backup_reads_as_magento_documents_it() -> None:
    assert texts(
        MaintenanceEnabled(already=False),
        BackupStarted(kind=Kind.CODE),
        completed(Kind.CODE, "1763869000_filesystem.tgz"),
        BackupStarted(kind=Kind.MEDIA),
        completed(Kind.MEDIA, "1763869000_filesystem_media.tgz"),
        BackupStarted(kind=Kind.DB),
        completed(Kind.DB, "1763869000_db.sql"),
        MaintenanceDisabled(skipped=False),
    ) == [
        "Enabling maintenance mode",
        "Code backup is starting...",
        (
            "Code backup filename: 1763869000_filesystem.tgz"
            " (The archive can be uncompressed with 7-Zip on Windows systems)"
        ),
        "Code backup path: /var/www/shop/var/backups/1763869000_filesystem.tgz",
        "[SUCCESS]: Code backup completed successfully.",
        "Media backup is starting...",
        (
            "Media backup filename: 1763869000_filesystem_media.tgz"
            " (The archive can be uncompressed with 7-Zip on Windows systems)"
        ),
        "Media backup path: /var/www/shop/var/backups/1763869000_filesystem_media.tgz",
        "[SUCCESS]: Media backup completed successfully.",
        "DB backup is starting...",
        "DB backup filename: 1763869000_db.sql",
        "DB backup path: /var/www/shop/var/backups/1763869000_db.sql",
        "[SUCCESS]: DB backup completed successfully.",
        "Disabling maintenance mode",
    ]


def test_a_store_that_was_closed_before_has_the_other_lines() -> None:
    assert texts(MaintenanceEnabled(already=True), MaintenanceDisabled(skipped=True)) == [
        "Maintenance mode already enabled",
        "Skipped disabling maintenance mode",
    ]


def test_a_rollback_reads_as_magento_documents_it() -> None:
    begun = [
        RollbackStarted(kind=kind, file_name="NAME", path="/PATH")
        for kind in (Kind.CODE, Kind.MEDIA, Kind.DB)
    ]
    done = [RollbackCompleted(kind=kind) for kind in (Kind.CODE, Kind.MEDIA, Kind.DB)]
    assert texts(*begun, *done, PermissionReminder(already_executable=False)) == [
        "Code rollback is starting ...",
        "Code rollback filename: NAME",
        "Code rollback file path: /PATH",
        "Media rollback is starting ...",
        "Media rollback filename: NAME",
        "Media rollback file path: /PATH",
        "DB rollback is starting...",
        "DB rollback filename: NAME",
        "DB rollback path: /PATH",
        "[SUCCESS]: Code rollback completed successfully.",
        "[SUCCESS]: Media rollback completed successfully.",
        "[SUCCESS]: DB rollback completed successfully.",
        "Please set file permission of bin/magento to executable",
    ]
    assert texts(PermissionReminder(already_executable=True)) == [
        "Please set file permission of bin/magento to executable (already executable)"
    ]


@pytest.mark.parametrize(
    "event",
    [
        Warned(code="x", message="1 file changed", names=("a",)),
        Failed(error="DiskFull", message="No space", hint="Free some"),
        FollowUp(code="x", message="Reload PHP-FPM"),
        CancelRequested(too_late=False),
        CancelRequested(too_late=True),
    ],
)
def test_what_magento_has_no_words_for_is_not_narration(event: Event) -> None:
    lines = lines_of(event)
    assert lines
    assert not any(line.is_narration for line in lines)


def test_progress_has_no_lines() -> None:
    assert texts(Progressed(step=Step.WRITE, done_bytes=1, done_items=1), CommitReached()) == []


def test_many_names_are_counted_and_all_shown_when_asked() -> None:
    event = Warned(code="x", message="13 files", names=tuple("abcdefghijklm"))
    assert [line.text for line in lines_of(event)][-1] == "  ... and 3 more"
    assert len(lines_of(event)) == 1 + 10 + 1
    assert len(lines_of(event, names_shown=None)) == 1 + 13


def test_hostile_names_never_reach_the_terminal() -> None:
    event = Warned(code="x", message="bad \x1b[2J", names=("a\x1b]52;c;x\x07\nEnabling", "\udcff"))
    for line in lines_of(event):
        assert line.text.isprintable()


def stamp(*events: Event) -> list[Stamped]:
    return [Stamped(seq=n, time_s=float(n), event=event) for n, event in enumerate(events)]


def began(operation: Operation) -> JobBegan:
    return JobBegan(
        job_id="20261123-031500-1a2b",
        operation=operation,
        kinds=(Kind.CODE,),
        timestamp=1,
        root="/",
        host="h",
        user="u",
        pid=1,
        command="magerewind",
    )


def ended(outcome: Outcome, *, undo_kept: bool = False) -> JobEnded:
    return JobEnded(outcome=outcome, exit_code=0, elapsed_s=1.0, closed_s=0.5, undo_kept=undo_kept)


def told(*events: Event) -> list[Line]:
    narrator = Narrator()
    return [line for stamped in stamp(*events) for line in narrator.tell(stamped)]


def test_a_finished_backup_ends_with_magentos_last_line() -> None:
    assert told(began(Operation.BACKUP), ended(Outcome.DONE)) == []


def test_an_undo_has_its_own_success() -> None:
    (line,) = told(began(Operation.UNDO), ended(Outcome.DONE))
    assert line == Line("[SUCCESS]: Undo completed successfully.", Style.SUCCESS)


def test_warnings_are_counted_at_the_end() -> None:
    warned = Warned(code="x", message="m")
    lines = told(began(Operation.BACKUP), warned, warned, ended(Outcome.WARNINGS))
    assert lines[-1] == Line("Complete with 2 warnings.", Style.WARNING)


def test_a_rollback_that_can_be_undone_says_how() -> None:
    lines = told(began(Operation.ROLLBACK), ended(Outcome.DONE, undo_kept=True))
    assert "magerewind job:undo" in lines[-1].text


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.CANCELLED, "Cancelled"),
        (Outcome.REVERTED, "Reverted"),
        (Outcome.CLOSED, "stays in maintenance mode"),
    ],
)
def test_other_ends_are_said(outcome: Outcome, word: str) -> None:
    (line,) = told(began(Operation.ROLLBACK), ended(outcome))
    assert word in line.text


def test_a_cancelled_backup_does_not_hide_what_it_has_finished() -> None:
    (line,) = told(began(Operation.BACKUP), ended(Outcome.CANCELLED))
    assert "backups that were finished stay" in line.text


def test_an_error_is_its_message_and_its_hint() -> None:
    lines = error_lines(PreflightRefused("No\x1b", hint="Do this."))
    assert [(line.text, line.style) for line in lines] == [
        ("No\\x1b", Style.ERROR),
        ("Do this.", Style.NOTE),
    ]
    assert len(error_lines(MagerewindError("No"))) == 1


def test_every_event_can_be_told() -> None:
    assert len(EVENT_TYPES) > 15
    for line in told(*(_example(cls) for cls in EVENT_TYPES.values())):
        assert line.text


def _example(cls: type[Event]) -> Event:
    values = {
        "str": "x",
        "str | None": "x",
        "int": 1,
        "int | None": 1,
        "float": 1.0,
        "bool": True,
        "Kind": Kind.CODE,
        "Kind | None": Kind.CODE,
        "Step": Step.WRITE,
        "Outcome": Outcome.DONE,
        "Operation": Operation.BACKUP,
        "tuple[Kind, ...]": (Kind.CODE,),
        "tuple[str, ...]": ("x",),
        "tuple[int, ...]": (1,),
    }
    annotations = {name: str(text) for name, text in cls.__annotations__.items()}
    return cls(**{name: values[text] for name, text in annotations.items()})
