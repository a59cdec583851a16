"""The table of the commands, which the parser, the documentation and the help work from."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from core.cli.contents_options import add_diff, add_extract, add_files, add_show
from core.cli.help_options import add_completion, add_help
from core.cli.help_options import add_list as add_list_of_commands
from core.cli.job_options import add_discard, add_job, add_recover, add_running_job, add_undo
from core.cli.options import (
    add_any_names,
    add_backup,
    add_demo,
    add_names,
    add_rollback,
    add_settings,
)
from core.cli.repository_options import (
    add_bootstrap,
    add_check,
    add_fetch,
    add_forget,
    add_list,
    add_repository,
)
from core.cli.retention_options import add_note, add_prune
from core.cli.schedule_options import add_drill, add_schedule_install, add_store


class Command(Struct, frozen=True, kw_only=True):
    """A command for the parser, the documentation, and the application's help."""

    name: str
    summary: str
    add: Callable[[argparse.ArgumentParser], None] | None = None
    details: str = ""

    @property
    def namespace(self) -> str:
        """The part of the name before its last colon; empty for none."""
        return self.name.rpartition(":")[0]


COMMANDS: Final = (
    Command(
        name="setup:backup",
        summary="take a backup of code, media and database",
        add=add_backup,
        details="Turns maintenance mode on, writes the chosen backups to var/backups in the order "
        "code, media, database, reads them again, and puts maintenance mode back as it was.",
    ),
    Command(
        name="setup:rollback",
        summary="roll code, media and database back",
        add=add_rollback,
        details="Checks everything, shows what will change and asks before the store is closed. "
        "All parts come into force together or not at all, and job:undo takes them back.",
    ),
    Command(
        name="info:backups:list",
        summary="list the backups in var/backups",
        details="Name and type, date, age, size and health of every backup; what else lies there "
        "is named at the end.",
    ),
    Command(
        name="info:backups:verify",
        summary="read backups whole and say whether they are sound",
        add=add_any_names,
        details="Ours by their manifests, those of Magento by their structure. Nothing is changed "
        "but the manifest, or var/.magerewind where there is none, to remember what was found.",
    ),
    Command(
        name="info:backups:delete",
        summary="delete backups",
        add=add_names,
        details="Asks first. Takes the hidden name of an unfinished file as well, once no job "
        "needs it.",
    ),
    Command(
        name="info:backups:prune",
        summary="delete the sets of backups that no rule keeps",
        add=add_prune,
        details="The rules are those of restic, for each kind by itself: a set stays while a rule "
        "keeps it for one of its kinds. Reports for every set the reason to keep or delete it, "
        "and asks first. Always kept are the newest sound backup of each kind, backups that a job "
        "or an undo needs, marked sets, and foreign files.",
    ),
    Command(
        name="info:backups:drill",
        summary="try whether backups can be restored, beside the open store",
        add=add_drill,
        details="Loads the dump under other names, compares rows and digests and drops it again; "
        "reads the archives, and extracts a sample of their files outside the store. The list says "
        "afterwards what was found.",
    ),
    Command(
        name="info:backups:note",
        summary="write a note on a set of backups, or mark it to be kept",
        add=add_note,
    ),
    Command(
        name="info:backups:files",
        summary="list what is in a backup",
        add=add_files,
        details="Mode, owner, size in bytes, time and name of every member of an archive, or of "
        "those at a path; of a dump its tables, with their rows and bytes, and all other objects, "
        "or of one table its columns and ranges of rows. Reads the index beside the backup; where "
        "there is none, the backup is read once and the index is kept.",
    ),
    Command(
        name="info:backups:show",
        summary="write one file of a backup, or one table of a dump, to stdout",
        add=add_show,
        details="The bytes as they are; a table, view or trigger of a dump as SQL that can be "
        "loaded by itself. On a terminal, what it would obey is shown as escapes, and "
        "a binary file is refused.",
    ),
    Command(
        name="info:backups:extract",
        summary="take files, or tables, out of a backup into a directory",
        add=add_extract,
        details="Never into the store, and nothing that exists is replaced: it is named, and the "
        "exit code is 1. A name holds a whole file or nothing, also after a kill.",
    ),
    Command(
        name="info:backups:diff",
        summary="compare a backup with the store as it is now",
        add=add_diff,
        details="`+` would come back with a rollback, `-` is there only now, `~` differs in "
        "content, mode or owner. A single text file is shown line by line, up to 1 MiB and 20,000 "
        "lines. Of a dump: every table, told by digests where there are any; of one table its "
        "definition and the rows that differ, by their key, binary cells in hexadecimal. Passwords "
        "and keys in app/etc and auth.json are masked, and so are secret columns and encrypted "
        "values of tables. Changes nothing.",
    ),
    Command(
        name="info:store",
        summary="show what is known of the store and what would stop a backup or a rollback",
        add=add_store,
        details="Exit code 0 when nothing would.",
    ),
    Command(
        name="repo:init",
        summary="make a repository for copies elsewhere, and print its recovery sheet",
        add=add_repository,
        details="One that is there is left as it is. The sheet says the address, how to get the "
        "password (never the password), and the commands that restore without magerewind.",
    ),
    Command(
        name="repo:list",
        summary="list the backup sets in a repository",
        add=add_list,
        details="A set is complete when its manifest, which is written last, and all that it names "
        "are there.",
    ),
    Command(
        name="repo:check",
        summary="check a repository",
        add=add_check,
        details="Its structure, and that no set lacks a part; with --read-data-subset that the "
        "data itself can be read. Exit code 1 where something is wrong.",
    ),
    Command(
        name="repo:unlock",
        summary="remove locks that dead processes left in a repository",
        add=add_repository,
        details="Only those that restic finds stale: of this host and of no process, or old.",
    ),
    Command(
        name="repo:fetch",
        summary="make files in var/backups out of a set in a repository",
        add=add_fetch,
        details="The dump comes byte for byte; archives are written by the same writer as those of "
        "setup:backup. Nothing is overwritten.",
    ),
    Command(
        name="repo:forget",
        summary="forget the sets in a repository that no rule keeps",
        add=add_forget,
        details="The rules are those of info:backups:prune, over whole sets. Asks first. The space "
        "is freed by --prune. Append-only repositories forget nothing.",
    ),
    Command(
        name="repo:bootstrap",
        summary="lay a store down on an empty machine, out of a repository",
        add=add_bootstrap,
        details="Needs nothing but the address and the password. The directory of --root has to be "
        "empty. With --db-name the database is loaded as well, and app/etc/env.php is told of it.",
    ),
    Command(
        name="repo:stats",
        summary="show how much a repository holds",
        add=add_repository,
    ),
    Command(
        name="schedule:install",
        summary="have backups taken by themselves: a timer of systemd, or lines of cron",
        add=add_schedule_install,
        details="The service runs as the store's owner, may write to the store alone, and catches "
        "up on what was missed. Root installs units of the system, an account its own; where "
        "systemd does not run, lines of cron.",
    ),
    Command(name="schedule:remove", summary="take the schedule of this store away"),
    Command(
        name="schedule:status",
        summary="show when each kind was last backed up, and when the next run is",
        details="Exit code 1 where a kind is overdue.",
    ),
    Command(name="job:list", summary="list the jobs of this store, newest first"),
    Command(
        name="job:attach",
        summary="show a job from its beginning and follow it to its end",
        add=add_job,
        details="Ctrl-C only stops the watching; the exit code is the job's.",
    ),
    Command(
        name="job:cancel",
        summary="ask the running job to stop and to put everything back",
        add=add_running_job,
        details="Past the commit point of a rollback it is too late: the job then finishes.",
    ),
    Command(
        name="job:recover",
        summary="repair what an interrupted job has left",
        add=add_recover,
        details="Reverts what was begun, or completes it where the commit point was passed. "
        "Names a job whose memory in var/.magerewind was removed by what it left elsewhere.",
    ),
    Command(
        name="job:undo",
        summary="put the store back as it was before the last rollback",
        add=add_undo,
        details="Shows what will change and asks first. Deletes nothing and can itself be undone.",
    ),
    Command(
        name="job:discard",
        summary="discard the undo of the last rollback and free its space",
        add=add_discard,
        details="Asks first.",
    ),
    Command(
        name="config:check",
        summary="check all files of the configuration",
        details="Every problem is one line on standard error, with its file, its key and what was "
        "meant. Exit code 1 where there is one.",
    ),
    Command(
        name="config:show",
        summary="show the settings of each store and where each value comes from",
        add=add_settings,
        details="With --store NAME, of that one. Options of setup:backup are shown as it would "
        "take them.",
    ),
    Command(
        name="config:generate",
        summary="print a file of the configuration in which every key is explained",
        details="With --root DIR, it has a store there.",
    ),
    Command(
        name="config:schema",
        summary="print the JSON schema of a file of the configuration, for editors",
    ),
    Command(
        name="demo",
        summary="make a sample store with a private database and open the application on it",
        add=add_demo,
        details="Without a terminal, or with --headless, it walks through backup, list, damage, "
        "rollback and verification and says what it saw.",
    ),
    Command(
        name="help",
        summary="show the help of a command",
        add=add_help,
    ),
    Command(
        name="completion",
        summary="print the script that completes words for a shell",
        add=add_completion,
        details='For one session, in bash and zsh: eval "$(magerewind completion bash)"; in fish: '
        "magerewind completion fish | source. An installed package, or make install, puts the "
        "scripts where the shells look for them.",
    ),
    Command(
        name="list",
        summary="list the commands by their namespaces",
        add=add_list_of_commands,
    ),
)
