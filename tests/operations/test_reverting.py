"""The messages of a rollback that fails in the middle, and is reverted."""

import os
import shutil

from core.events import Kind
from tests.shop import Shop


def test_the_file_that_could_not_be_moved_is_named(server, tmp_path):
    shop = Shop.make(tmp_path / "shop", server, "reverting")
    request = shop.back_up((Kind.CODE,))
    shutil.rmtree(os.path.join(shop.root, "bin"))
    before = shop.state()
    summary, events = shop.run(request, fault="rename:1:eio")
    assert summary.exit_code == 1
    reason = "Failed while moving bin into place: Input/output error"
    said = [event.message for event in events if getattr(event, "code", "")[:6] == "revert"]
    assert said == [f"{reason}. Everything is being reverted.", "Everything is reverted."]
    assert [event.message for event in events if type(event).__name__ == "Failed"] == [reason]
    assert shop.state() == before
    server.run("DROP DATABASE reverting")
