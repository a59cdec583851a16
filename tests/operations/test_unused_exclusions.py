"""Patterns of exclusions that match nothing are named before a backup."""

from pathlib import Path

from core.cli.main import run
from core.magento.store import find_store
from core.operations.unused_exclusions import unused_exclusions
from tests.contents.looking import make_store


def test_patterns_that_match_nothing_are_named(tmp_path: Path, capsys) -> None:
    shop = make_store(tmp_path / "shop")
    shop.put("elsewhere/a.jpg", b"")
    shop.put("var/log/a.log", b"")
    (shop.root / "pub").mkdir()
    (shop.root / "pub/media").symlink_to(shop.root / "elsewhere")
    shop.put("app/code/a[b]", b"")
    store = find_store(str(shop.root), root=str(shop.root))
    used = ("app/code", "app/*/A.php", "@tmp", "var/log/*.log", "pub/media/*.jpg", "**/nosuch")
    used += ("app/code/a[[]b]", "./app/etc")
    unused = ("app/cod", "app/*/a.php", "pub/media/*.png", "nosuch/**")
    (found,) = unused_exclusions(store, (*used, *unused))
    assert found.names == unused
    run(["setup:backup", "--code", "--dry-run", "--exclude=nosuch", "--root", str(shop.root)])
    said = capsys.readouterr().err
    assert "Nothing in the store matches these exclusions:\n  nosuch\n" in said
