"""The real application at size, at a real pseudo-terminal of 120x40.

`python tests/bench/bench_sizes.py [ROOT]` makes a store (or takes the one at ROOT, and changes it)
with 2,000 sets in var/backups, 400 tables, one of a million rows, and a plan of 100,000 entries.
It prints for each list how long its first page takes, a key until its last byte, and the memory.
"""

from __future__ import annotations

import contextlib
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from core.backups.catalog import list_backups
from core.backups.manifest import write_manifest
from core.backups.place import open_backups
from core.events import Kind
from core.magento.settings import DatabaseConnection, Secret
from core.sample.database import fill_schema
from core.sample.server import PrivateServer
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.tui.at_a_terminal import ROOT, AtATerminal

SIZE = (120, 40)
SETS = 2_000
ENTRIES = 100_000
TABLES = 400
ROWS = 1_000_000
KEYS = 30
QUIET_S = 0.12  # nothing for so long: the picture is whole
NOTHING_S = 2.0  # nothing for so long: the key does nothing here
UP, RIGHT = "\x1b[A", "\x1b[C"
DOWN, PAGE, END, HOME, ESC, ENTER = "\x1b[B", "\x1b[6~", "\x1b[F", "\x1b[H", "\x1b", "\r"


@contextlib.contextmanager
def store() -> Iterator[str]:
    """Make the store, with a backup of all of it, and a server of its own."""
    with tempfile.TemporaryDirectory(prefix="magerewind-sizes-") as directory:
        root = os.path.join(directory, "shop")
        with PrivateServer(removes=(directory,)) as server:
            server.make_schema("shop")
            fill_schema(server, "shop", size=Size.SMALL)
            tables = "".join(
                f"CREATE TABLE extra_{n} (id INT PRIMARY KEY, v VARCHAR(20));"
                f"INSERT INTO extra_{n} SELECT seq, 'v' FROM seq_1_to_{n % 50 + 1};"
                for n in range(TABLES - 110)
            )
            server.run(
                "CREATE TABLE million (id INT PRIMARY KEY, sku VARCHAR(40), price DECIMAL(12,4),"
                " note VARCHAR(200), made DATETIME); INSERT INTO million SELECT seq,"
                " CONCAT('sku-', seq), seq / 7, REPEAT('x', seq % 60),"
                f" '2026-01-01' + INTERVAL seq MINUTE FROM seq_1_to_{ROWS};{tables}",
                schema="shop",
            )
            settings = DatabaseConnection(
                name="default",
                schema="shop",
                username="shop",
                password=Secret("shop"),
                socket=server.socket,
            )
            make_store(root, size=Size.SMALL, connection=settings)
            words = ["setup:backup", "--code", "--media", "--db", "--root", root]
            command(*words)
            yield root


def command(*words: str) -> None:
    """Run a command of ours, without its output."""
    line = [sys.executable, "-m", "core", *words]
    subprocess.run(line, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def fill(root: str) -> None:
    """Add sets to var/backups, as small files with manifests, and files to the code."""
    directory = os.path.join(root, "var", "backups")
    known = [one for one in list_backups(directory).backups if one.manifest is not None]
    manifest = next(one.manifest for one in known if one.manifest and one.kind is Kind.CODE)
    assert manifest is not None
    with open_backups(directory) as place:
        for number in range(
            1, SETS - len({one.manifest.timestamp for one in known if one.manifest}) + 1
        ):
            timestamp = manifest.timestamp - 3600 * number
            name = f"{timestamp}_filesystem.tgz"
            with open(os.path.join(directory, name), "wb") as file:
                file.write(b"x")
            write_manifest(
                place,
                replace(
                    manifest, file_name=name, timestamp=timestamp, size_bytes=1, index_sha256=""
                ),
            )
    for number in range(ENTRIES):
        path = os.path.join(root, f"lib/made/{number // 50:05d}")
        if number % 50 == 0:
            os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, f"{number}.php"), "wb"):
            pass


def last_byte_ms(child: AtATerminal, key: str, *, limit_s: float = 60.0) -> float | None:
    """Press a key; return how long all of its bytes take; None for a key that paints nothing."""
    began_s = last_s = time.monotonic()
    child.press(key)
    seen = False
    while time.monotonic() - began_s < limit_s:
        quiet_s = QUIET_S if seen else NOTHING_S
        if not select.select([child.parent], [], [], quiet_s)[0]:
            break
        child.written += os.read(child.parent, 65536)
        seen, last_s = True, time.monotonic()
    return 1000 * (last_s - began_s) if seen else None


def until_ms(child: AtATerminal, key: str, text: str) -> float:
    """Press a key; return how long a text takes to be painted."""
    child.written = b""
    began_s = time.monotonic()
    child.press(key)
    wanted, give_up = text.encode(), began_s + 120
    while wanted not in child.written:
        if time.monotonic() > give_up:
            raise AssertionError(f"{text!r} is not in {child.written[-3000:]!r}")
        if select.select([child.parent], [], [], 0.5)[0]:
            child.written += os.read(child.parent, 65536)
    return 1000 * (time.monotonic() - began_s)


def took(child: AtATerminal, keys: Iterable[str]) -> str:
    """Press keys; return the median and the worst."""
    found = [one for one in (last_byte_ms(child, key) for key in keys) if one is not None]
    return f"{statistics.median(found):4.0f} /{max(found):4.0f}" if found else "          "


def quiet(child: AtATerminal, seconds: float = 1.5) -> None:
    """Wait until nothing has come for a while."""
    while child.read(seconds):
        pass


def memory_mib(child: AtATerminal) -> float:
    """Return the resident memory."""
    with open(f"/proc/{child.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def say(what: str, first_ms: float | None, child: AtATerminal) -> None:
    """Measure the keys of the list that has the focus, and print all of it."""
    quiet(child)
    steps, pages = took(child, (DOWN, DOWN, UP) * (KEYS // 3)), took(child, (PAGE,) * 10)
    ends = took(child, (END, HOME) * 3)
    quiet(child)
    first = "" if first_ms is None else f"{first_ms:.0f}"
    print(
        f"{what:<28} {first:>6}   {steps}   {pages}   {ends}   {memory_mib(child):5.0f}", flush=True
    )


def opened(root: str) -> AtATerminal:
    """Start the application, and wait until Home is at rest."""
    child = AtATerminal(
        [os.path.join(os.path.dirname(sys.executable), "magerewind"), "--root", root], size=SIZE
    )
    child.until("BACKUPS")
    quiet(child, 3.0)
    return child


def measure(root: str) -> None:
    """Print the table: ms to the last byte, median and worst; memory in MiB."""
    print(
        f"{'list':<28} {'first':>6}   {'a step':>10}   {'a page':>10}   {'end, home':>10}     MiB"
    )
    child = opened(root)
    say(f"Home, {SETS:,} sets", None, child)
    say(f"Backups, {SETS:,} sets", until_ms(child, ENTER, f"{SETS:,} sets"), child)
    typed = took(child, "/ver")
    print(f"  typed into the filter: {typed} ms")
    child.press(ESC)
    quiet(child)
    child.press(HOME)
    for key in (ENTER, DOWN):
        child.press(key)
        quiet(child)
    say("Inside: the code", until_ms(child, ENTER, "STORE NOW"), child)
    child.press("t")
    quiet(child, 3.0)
    say(f"Inside: {TABLES} tables", until_ms(child, "t", "ROWS THEN"), child)
    typed = took(child, "/million")
    child.press(ENTER)
    quiet(child)
    print(f"  typed into the search: {typed} ms")
    say(f"Inside: {ROWS:,} rows", until_ms(child, ENTER, "sku-1"), child)
    child.press(ESC)
    quiet(child)
    child.close()
    child = opened(root)
    child.press("=")
    child.until("\N{BLACK DOWN-POINTING SMALL TRIANGLE} code", 300)
    quiet(child, 4.0)
    say(f"Plan, {ENTRIES:,} entries", None, child)
    child.press(HOME)
    quiet(child)
    opens = took(child, (RIGHT, DOWN) * 4)
    print(f"  open directories of the plan: {opens} ms")
    say("  with directories open", None, child)
    child.close()


def main() -> None:
    if sys.argv[1:]:
        fill(sys.argv[1])
        measure(sys.argv[1])
        return
    with store() as root:
        fill(root)
        measure(root)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
