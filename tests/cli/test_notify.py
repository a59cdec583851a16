"""Others are told of a job, as a person has it: a real job, real receivers."""

import json
import os
from pathlib import Path

import pytest

from core.sample.sizes import Size
from core.sample.store import make_store
from tests.cli.command_line import Shop, run_plain
from tests.notify.receivers import http_server, smtp_server


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("told") / "shop"
    make_store(str(root), size=Size.SMALL)
    return Shop(root)


def run(shop: Shop, text: str, *words: str):
    file = Path(f"{shop.root}.toml")
    file.write_text(f'[stores.shop]\nroot = "{shop.root}"\nkinds = ["media"]\n{text}')
    return run_plain("setup:backup", "--store=shop", f"--config={file}", *words, cwd=shop.root)


def test_a_backup_is_told_of_to_all_and_a_broken_receiver_is_a_warning(shop: Shop) -> None:
    metrics = Path(f"{shop.root}.prom")
    with http_server() as http, smtp_server() as smtp:
        text = f"""
notify = ["check", "hook", "mail", "broken"]
metrics_file = "{metrics}"
[notify.check]
type = "ping"
url = "{http.url("ok/uuid")}"
[notify.hook]
type = "webhook"
url = "{http.url("ok/hook")}"
template = {{ text = "${{summary}}", job = "${{job_id}}" }}
[notify.mail]
type = "mail"
to = ["a@example.com"]
host = "127.0.0.1"
port = {smtp.port}
[notify.broken]
type = "webhook"
url = "{http.url("broken/s3cret")}"
"""
        done = run(shop, text, "--strict", "--json")
        # A receiver that does not answer is no reason to fail, not even a strict one.
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        warned = [row["message"] for row in rows if row["type"] == "Warned"]
        assert [one for one in warned if "told" in one] == [
            "notify.broken was not told: the answer was 500."
        ]
        own = [one for one in warned if "told" not in one]
        assert done.returncode == bool(own), done.stderr
        assert rows[-1]["type"] == "JobEnded"
        paths = {path for _, path, _, _ in http.got}
        assert paths >= {"/ok/uuid/start", "/ok/uuid", "/ok/hook"}
        (hook,) = [json.loads(body) for _, path, _, body in http.got if path == "/ok/hook"]
        assert hook["text"].startswith("shop: backup of media is complete")
        assert hook["job"] == rows[0]["job_id"]
        assert len(smtp.got) == 1
    text = metrics.read_text()
    assert 'magerewind_backup_size_bytes{store="shop",kind="media"}' in text
    assert metrics.stat().st_mode & 0o777 == 0o644
    assert "s3cret" not in done.stderr + done.stdout


@pytest.mark.parametrize("gone", [False, True])
def test_a_backup_that_cannot_start_is_told_of(shop: Shop, gone: bool) -> None:
    lost = shop.root / "var/.magerewind/jobs/20260101-000000-0000"
    with http_server() as http:
        text = f'notify = ["a"]\n[notify.a]\ntype = "webhook"\nurl = "{http.url("ok/x")}"\n'
        if gone:
            os.rename(shop.root, f"{shop.root}.away")
        else:
            lost.mkdir(parents=True, mode=0o700)
            lost.chmod(0o777)  # state that is not to be believed: no job starts
        try:
            file = Path(f"{shop.root}.toml")
            file.write_text(f'[stores.shop]\nroot = "{shop.root}"\nkinds = ["media"]\n{text}')
            words = ("setup:backup", "--store=shop", f"--config={file}")
            done = run_plain(*words, cwd=file.parent)
        finally:
            if gone:
                os.rename(f"{shop.root}.away", shop.root)
            else:
                lost.rmdir()
        assert done.returncode == 1, done.stderr
        (sent,) = [json.loads(body) for _, _, _, body in http.got]
    assert (sent["event"], sent["store"], sent["job_id"]) == ("fail", "shop", "")
    assert sent["message"] in done.stderr


def test_a_secret_that_cannot_be_read_stops_the_start(shop: Shop, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("http://127.0.0.1:9/s3cret")
    secret.chmod(0o644)
    text = f'notify = ["a"]\n[notify.a]\ntype = "ping"\nurl_file = "{secret}"\n'
    made = shop.names(".tgz")
    done = run(shop, text)
    assert done.returncode == 1
    assert f"the URL of notify.a: all accounts may read {secret} (0644)." in done.stderr
    assert shop.names(".tgz") == made


def test_it_stops_a_rollback_before_the_plan_and_the_question(shop: Shop, tmp_path: Path) -> None:
    done = run(shop, "")
    assert done.returncode == 0, done.stderr
    (tmp_path / "url").write_text("x")
    file = Path(f"{shop.root}.toml")
    text = f'notify = ["a"]\n[notify.a]\ntype = "webhook"\nurl_file = "{tmp_path / "none"}"\n'
    file.write_text(f'[stores.shop]\nroot = "{shop.root}"\n{text}')
    words = ("setup:rollback", f"--media-file={shop.names('.tgz')[-1]}", "--store=shop", "--yes")
    done = run_plain(*words, f"--config={file}", cwd=shop.root)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("the URL of notify.a: there is no file")
