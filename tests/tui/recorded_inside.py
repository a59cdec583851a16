"""The inside of backups, recorded: one tree, one dump, one table."""

from __future__ import annotations

from msgspec.structs import replace

from tui.engine.inside_port import ROWS_PAGE, InsideView, RowsView, RowView, StandingView


class RecordedInside:
    """The inside of backups: the same difference for every part."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self.extracted: list[tuple[str, str, str]] = []
        self.lines: tuple[str, ...] = (
            "~ app/etc/env.php  1,490 B -> 1,530 B",
            "@@ -1,4 +1,3 @@",
            " <?php",
            "-exit;",
            " return [",
            "+    'x-frame-options' => 'SAMEORIGIN',",
        )

    def children(self, name: str, directory: str, *, after: str, stop: object):
        if name.endswith(".sql"):
            return (
                InsideView(path="customer_entity", kind="table", size=18_100, rows=1_000),
                InsideView(path="sales_order", kind="table", size=61_000, rows=290),
                InsideView(path="a_view", kind="view"),
            )
        parts = (
            InsideView(path="app", kind="directory", mode=0o755),
            InsideView(path="app/etc", kind="directory", mode=0o2775),
            InsideView(path="app/etc/env.php", kind="file", size=1_530, mode=0o640),
            InsideView(path="bin", kind="directory"),
            InsideView(path="index.php", kind="link", link="pub/index.php"),
        )
        return tuple(one for one in parts if one.path.rpartition("/")[0] == directory)

    def standing(self, name: str, directory: str, *, found, stop: object) -> None:
        if name.endswith(".sql"):
            found((
                StandingView(path="customer_entity", state="differs", rows_now=1_102, counted=True),
                StandingView(path="sales_order", state="missing"),
            ))  # fmt: skip
            later = InsideView(path="half_an_update", kind="table")
            found((StandingView(path=later.path, state="only now", rows_now=0, part=later),))
            return
        evil = InsideView(path="app/etc/evil.php", kind="file", size=15, mode=0o644)
        views = (
            StandingView(path="app", state="differs", changes=1, goes=1),
            StandingView(path="app/etc", state="differs", changes=1, goes=1),
            StandingView(path="app/etc/env.php", state="differs", changes=1),
            StandingView(path="app/etc/evil.php", state="only now", goes=1, part=evil),
            StandingView(path="bin", state="missing", comes=304),
            StandingView(path="index.php", state="same"),
        )
        found(tuple(one for one in views if one.path.rpartition("/")[0] == directory))

    def found(self, name: str, word: str, *, stop: object):
        parts = [self.children(name, at, after="", stop=stop) for at in ("", "app", "app/etc")]
        hits = tuple(one for some in parts for one in some if word in one.path)
        return len(hits), hits

    def table(self, name: str, table: str):
        return RecordedTable()

    def extract(self, name: str, part: str, to: str, *, stop: object):
        self.extracted.append((name, part, to))
        return 1, 1_530, 0

    def difference(self, name: str, part: str, *, show_secrets: bool, stop: object):
        self.asked.append((name, part, show_secrets))
        return self.lines


class RecordedTable:
    """A table of 1,000 rows; of the first page, one is only there now and two differ."""

    columns = ("entity_id", "email", "password_hash", "created_at")

    def __init__(self) -> None:
        self.closed = False

    def _then(self, number: int):
        return (
            str(number),
            f"anna{number}@example.org",
            "****",
            None if number % 5 else "2026-01-02",
        )

    def page(self, first: int, *, show_secrets: bool) -> RowsView:
        rows = range(first + 1, min(first + ROWS_PAGE, 1_000) + 1)
        return RowsView(
            columns=self.columns,
            key=("entity_id",),
            rows=tuple(RowView(sign="?", then=self._then(number)) for number in rows),
            total=1_000,
        )

    def beside(self, first: int, *, show_secrets: bool) -> RowsView:
        view = self.page(first, show_secrets=show_secrets)
        rows = [RowView(sign=" ", then=one.then, now=one.then) for one in view.rows]
        if not first:
            changed = (*rows[1].then[:1], "new@example.org", *rows[1].then[2:])
            rows[1] = RowView(sign="~", then=rows[1].then, now=changed)
            rows[2] = RowView(sign="+", then=rows[2].then)
            rows.insert(
                3, RowView(sign="-", then=None, now=("3", "lost@example.org", "****", None))
            )
        return replace(view, rows=tuple(rows))

    def close(self) -> None:
        self.closed = True
