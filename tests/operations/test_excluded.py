"""Entries that a backup left out are not removed by a rollback to it."""

import pytest

from core.events import Kind
from tests.shop import Shop


@pytest.mark.parametrize("pattern", ["@media-cache", "pub/media/later.jpg"])
def test_a_rollback_leaves_alone_what_its_backup_left_out(server, tmp_path, pattern):
    shop = Shop.make(tmp_path / "shop", server, "excluded")
    later = tmp_path / "shop/pub/media/later.jpg"
    later.write_bytes(b"here before the backup")
    cached = tmp_path / "shop/pub/media/catalog/product/cache/1/kept.jpg"
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_bytes(b"of the cache")
    request = shop.back_up((Kind.MEDIA,), exclude=(pattern,))
    kept, restored = (cached, later) if pattern == "@media-cache" else (later, cached)
    kept.write_bytes(b"changed since")
    restored.unlink()
    summary, events = shop.run(request)
    assert summary.exit_code == 0, events
    assert kept.read_bytes() == b"changed since"
    assert restored.exists()
    server.run("DROP DATABASE excluded")
