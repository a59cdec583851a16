"""The code of a store: backup, verification, plan and rollback beside tar and gzip."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import shutil
from collections.abc import Callable, Iterator

from commands import OURS, backups, discard_undo, do, ours, remove_newest_backup, shell, without
from measure import Pair, Work

_LEFT_OUT = ("pub/media", "pub/static", "var", "update", "node_modules", ".git", ".svn", ".idea")
_EXCLUDE = " ".join(f"--exclude=./{path}" for path in (*_LEFT_OUT, ".grunt", ".magerewind"))


def pairs(root: str, scratch: str) -> Iterator[Pair]:
    """Yield the pairs for the store at `root`; each leaves it as it was."""
    archive, target = os.path.join(scratch, "peer.tgz"), os.path.join(scratch, "peer")
    paths = {"root": root, "archive": archive, "target": target}
    backup = Work(
        name="code backup, `--no-verify`",
        command=ours(root, "setup:backup", "--code", "--no-verify"),
        restore=lambda: remove_newest_backup(root),
    )
    for name, compress, wanted in (
        ("`tar czf`", "-z", 0.20),
        ("`tar -I pigz -cf`", "-I pigz", None),
        ("`tar -I 'igzip -1' -cf`", "-I 'igzip -1'", 0.80),
    ):
        script = f"tar {_EXCLUDE} {compress} -cf {{archive}} -C {{root}} . && sync {{archive}}"
        peer = Work(name=name, command=shell(script, **paths), restore=lambda: os.unlink(archive))
        yield Pair(ours=backup, theirs=peer, target=wanted)
    yield Pair(
        ours=backup,
        theirs=Work(
            name="the same without its index",
            command=without("index", root, "setup:backup", "--code", "--no-verify"),
            restore=lambda: remove_newest_backup(root),
        ),
        target=1.03,
    )
    do(root, "setup:backup", "--code")
    [name] = backups(root)
    yield from _reading_pairs(root, name, paths)
    yield from _rollback_pairs(root, name, paths)


def _reading_pairs(root: str, name: str, paths: dict[str, str]) -> Iterator[Pair]:
    paths = {**paths, "archive": os.path.join(root, "var/backups", name)}
    yield Pair(
        ours=Work(name="verification", command=ours(root, "info:backups:verify", name)),
        theirs=Work(name="`gzip -t`", command=shell("gzip -t <{archive}", **paths)),
        target=0.5,
    )
    script = f"{shlex.join(OURS)} {{words}} --root={{root}} {name} {{path}} >/dev/null"
    listing = {"words": "info:backups:files", "path": ""}
    one = {"words": "info:backups:show", "path": _last_file(os.path.join(root, "vendor"), root)}
    for title, words, peer, target in (
        ("list of all members", listing, "tar -tvzf {archive}", 0.5),
        ("one file out, near the end", one, "tar -xzOf {archive} {path}", 0.5),
    ):
        told = script.replace("{words}", words["words"]).replace("{path}", words["path"])
        yield Pair(
            ours=Work(name=title, command=shell(told, **paths)),
            theirs=Work(
                name=f"`{peer.split(' {')[0]}`",
                command=shell(f"{peer} >/dev/null", **{**paths, **words}),
            ),
            target=target,
        )
    plan = ours(root, "setup:rollback", f"--code-file={name}", "--dry-run")
    yield Pair(
        ours=Work(name="plan of a rollback, no difference", command=plan),
        theirs=Work(
            name="`tar -dzf`",
            # Our own var is not in the archive; tar says so of changed directory times and exits 1.
            command=shell("tar -dzf {archive} -C {root} >/dev/null || [ $? -eq 1 ]", **paths),
        ),
        target=1.0,
    )


def _last_file(folder: str, root: str) -> str:
    """Return the last file below a directory in the order of an archive, as its member path."""
    names = sorted(os.listdir(folder), key=os.fsencode, reverse=True)
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            with contextlib.suppress(FileNotFoundError):
                return _last_file(path, root)
        elif os.path.isfile(path):
            return os.path.relpath(path, root)
    raise FileNotFoundError(folder)


def _rollback_pairs(root: str, name: str, paths: dict[str, str]) -> Iterator[Pair]:
    archive, target = os.path.join(root, "var/backups", name), paths["target"]
    command = ours(root, "setup:rollback", f"--code-file={name}", "--yes", "--no-flush")
    graveyard = Graveyard(os.path.join(os.path.dirname(target), "graveyard"))
    unpack = Work(
        name="`tar xzf` into an empty directory",
        command=shell(
            "tar -xzf {archive} -C {target} && sync -f {target}", archive=archive, target=target
        ),
        prepare=lambda: os.mkdir(target),
        restore=lambda: graveyard.bury(target),
    )
    yield Pair(
        ours=Work(
            name="rollback, 1 % of the files differ",
            command=command,
            prepare=lambda: change_files(root, share=0.01),
            restore=discard_undo(root),
        ),
        theirs=unpack,
        target=0.6,
    )
    yield _one_file(root, name, target)
    yield Pair(
        ours=Work(
            name="rollback into an empty tree",
            command=command,
            prepare=lambda: empty(root, graveyard),
            restore=discard_undo(root),
        ),
        theirs=unpack,
        target=1.2,
    )


def _one_file(root: str, name: str, target: str) -> Pair:
    """Return the rollback of one file, which is far behind in the archive, beside tar's way."""
    below = os.path.join(root, "vendor")
    files = (
        os.path.join(folder, name) for folder, _, names in os.walk(below) for name in sorted(names)
    )
    path = os.path.relpath(max(file for file in files if not os.path.islink(file)), root)

    def change() -> None:
        with open(os.path.join(root, path), "ab") as out:
            out.write(b"// changed\n")

    words = (f"--code-file={name}", "--only", path, "--yes", "--no-flush")
    archive = os.path.join(root, "var/backups", name)
    return Pair(
        ours=Work(
            name="rollback, `--only` one file",
            command=ours(root, "setup:rollback", *words),
            prepare=change,
            restore=discard_undo(root),
        ),
        theirs=Work(
            name="`tar xzf ARCHIVE PATH`",
            command=shell(
                "mkdir -p {target} && tar -xzf {archive} -C {target} {path} && sync -f {target}",
                archive=archive,
                target=target,
                path=f"{path}",
            ),
            restore=lambda: shutil.rmtree(target),
        ),
        target=0.5,
    )


def worker_pairs(root: str, scratch: str) -> Iterator[Pair]:
    """Yield our commands beside the same without one kind of worker, which earns its place at 0.85.

    The store is left as it was. The recheck is a part of a whole rollback that writes next to
    nothing.
    """
    words = ("--code", "--no-verify")
    for worker in ("count", "pack"):
        yield _worth(worker, "code backup, `--no-verify`", root, ("setup:backup", *words),
                     restore=lambda: remove_newest_backup(root))  # fmt: skip
    do(root, "setup:backup", "--code")
    name = backups(root)[-1]
    plan = ("setup:rollback", f"--code-file={name}", "--dry-run")
    yield _worth("plan", "plan of a rollback, no difference", root, plan)
    command = ("setup:rollback", f"--code-file={name}", "--yes", "--no-flush")
    yield _worth("recheck", "rollback, 1 % of the files differ", root, command,
                 prepare=lambda: change_files(root, share=0.01),
                 restore=discard_undo(root))  # fmt: skip
    remove_newest_backup(root)


def _worth(
    worker: str,
    name: str,
    root: str,
    command: tuple[str, ...],
    *,
    prepare: Callable[[], None] = lambda: None,
    restore: Callable[[], None] = lambda: None,
) -> Pair:
    return Pair(
        ours=Work(name=name, command=ours(root, *command), prepare=prepare, restore=restore),
        theirs=Work(
            name=f"the same without the worker of the {worker}",
            command=without(worker, root, *command),
            prepare=prepare,
            restore=restore,
        ),
        target=0.85,
    )


def change_files(root: str, *, share: float, seed: int = 1) -> None:
    """Append a line to a share of the files below vendor, the same ones for the same seed."""
    rng = random.Random(seed)
    for folder, directories, files in os.walk(os.path.join(root, "vendor")):
        directories.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            if rng.random() < share and not os.path.islink(path):
                with open(path, "ab") as out:
                    out.write(b"// changed\n")


class Graveyard:
    """Where trees go that a run has made or must not find.

    Nothing is deleted between runs: ext4 passes over every inode that was deleted in the last
    minutes, so whoever made files next, ours or the peer, would pay ten times for it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._count = 0

    def bury(self, path: str) -> None:
        """Move a file or a tree here."""
        self._count += 1
        os.makedirs(self._path, exist_ok=True)
        os.rename(path, os.path.join(self._path, str(self._count)))


def empty(root: str, graveyard: Graveyard) -> None:
    """Take all code out of a store, so that only var, media and static are left."""
    for entry in list(os.scandir(root)):
        if entry.name not in {"var", "pub"}:
            graveyard.bury(entry.path)
