"""Receivers are told side by side, within a limit; each failure is one line without a secret."""

import json
import os
import sys
import types

import pytest

from core.config.receivers import Apprise, Mail, Ping, Webhook
from core.notify import send
from tests.notify.facts import DONE, FAILED, START
from tests.notify.receivers import certificate, http_server, smtp_server

ENVIRON = {"PATH": os.environ["PATH"]}


@pytest.fixture
def http():
    with http_server() as server:
        yield server


@pytest.fixture
def secret(tmp_path):
    """Make a file with a secret."""

    def make(text, name="secret"):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    return make


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(send, "LIMIT_S", 0.5)


def told(receiver, facts, messages=()):
    return send.Notifications({"ops": receiver}, ENVIRON).end(facts, messages)


def test_a_ping_is_sent_at_start_success_and_failure(http, secret):
    ping = Ping(url_file=secret(http.url("ok/uuid?create=1") + "\n"))
    for facts in (START, DONE, FAILED):
        assert told(ping, facts, ["a message of the job"]) == ()
    paths = [path for _, path, _, _ in http.got]
    assert paths == ["/ok/uuid/start?create=1", "/ok/uuid?create=1", "/ok/uuid/fail?create=1"]
    body = http.got[1][3].decode()
    assert body.startswith("shop: backup of media is complete.\n")
    assert "a message of the job" not in body
    asked = Ping(url=http.url("ok/x"), log_lines=1, on=("fail",))
    assert told(asked, DONE) == ()
    assert told(asked, FAILED, ["the first", "the last"]) == ()
    assert "the last" in http.got[-1][3].decode()
    assert "the first" not in http.got[-1][3].decode()


def test_a_webhook_posts_json_whatever_the_values_are(http, secret):
    template = {
        "text": "${summary}", "size": "${size_bytes}", "cost": "$$5 ${exit_code}",
        "list": [{"${event}": "${message}"}, 3, True],
    }  # fmt: skip
    webhook = Webhook(
        url=http.url("ok/hook"), template=template, headers={"X-Own": "yes"},
        token_file=secret("t0ken"),
    )  # fmt: skip
    assert told(webhook, FAILED) == ()
    method, _, headers, body = http.got[0]
    sent = json.loads(body)
    assert (method, headers["Content-Type"], headers["X-Own"]) == (
        "POST",
        "application/json",
        "yes",
    )
    assert headers["Authorization"] == "Bearer t0ken"
    assert sent["list"] == [{"fail": FAILED["message"]}, 3, True]
    assert (sent["size"], sent["cost"]) == (0, "$5 1")
    assert sent["text"].startswith("shop: backup of media failed: No space ")
    assert "${root}" in sent["text"]  # a value is no template
    keyed = Webhook(
        url=http.url("ok/hook"), token_header="X-Api-Key", token_file=secret("k3y"), template="{}"
    )
    assert told(keyed, DONE) == ()
    assert http.got.pop()[2]["X-Api-Key"] == "k3y"
    plain = Webhook(url=http.url("ok/hook"), template='{"a": "${store}"}')
    assert told(plain, DONE) == ()
    assert json.loads(http.got[1][3]) == {"a": "shop"}
    assert told(Webhook(url=http.url("ok/hook")), DONE) == ()
    assert json.loads(http.got[2][3])["backups"] == DONE["backups"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("broken/s3cret", "the answer was 500"),
        ("nonsense/s3cret", "no HTTP"),
        ("loop/s3cret", "more than 3 redirections"),
        ("tofile/s3cret", "'file' is neither http nor https"),
        ("toftp/s3cret", "'ftp' is neither http nor https"),
        ("hang/s3cret", "no answer in"),
        ("drip/s3cret", "no answer in|no HTTP"),
    ],
)
def test_what_does_not_take_it_is_one_line_without_the_url(http, short, path, reason):
    for receiver in (Ping(url=http.url(path)), Webhook(url=http.url(path))):
        (problem,) = told(receiver, DONE)
        assert any(word in problem for word in reason.split("|")), problem
        assert problem.startswith("notify.ops was not told: ")
        assert "s3cret" not in problem
        assert "hunter2" not in problem
        assert "\n" not in problem


def test_an_answer_without_end_is_no_harm(http, short):
    assert told(Ping(url=http.url("flood/x")), DONE) == ()


def test_redirections_are_followed_and_a_token_stays_with_its_host(http, secret):
    token = secret("t0ken")
    more = {"token_file": token, "headers": {"X-Own": "yes"}}
    assert told(Webhook(url=http.url("moved/x"), **more), DONE) == ()
    assert told(Webhook(url=http.url("away/x"), **more), DONE) == ()
    assert told(Ping(url=http.url("seeother/x")), DONE) == ()
    there = [(method, path, headers) for method, path, headers, _ in http.got if "/ok/" in path]
    assert [one[:2] for one in there] == [
        ("POST", "/ok/there"), ("POST", "/ok/away"), ("GET", "/ok/there")
    ]  # fmt: skip
    assert ["Authorization" in headers for _, _, headers in there] == [True, False, False]
    assert ["X-Own" in headers for _, _, headers in there] == [True, False, False]


def test_all_are_told_side_by_side_and_one_that_hangs_stops_no_other(http, monkeypatch):
    monkeypatch.setattr(send, "LIMIT_S", 3.0)
    receivers = {f"hang{number}": Ping(url=http.url("hang/x")) for number in range(20)}
    receivers["good"] = Ping(url=http.url("ok/x"))
    sending = send.Notifications(receivers, ENVIRON)
    sending.start(START, ())
    problems = sending.end(DONE, ())
    assert len(problems) == 20
    assert not any("good" in problem for problem in problems)
    assert {path for _, path, _, _ in http.got} >= {"/ok/x", "/ok/x/start"}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/x",
        "file:///etc/passwd",
        "http://u:s3cret@h/",
        "http://h/a b",
        "http://[s3cret",
        "s3",
    ],
)
def test_a_secret_url_that_is_none_is_refused(secret, url):
    (problem,) = told(Ping(url_file=secret(url)), DONE)
    assert "s3cret" not in problem


def test_no_server_at_all_and_no_secret_are_lines_too(secret):
    (problem,) = told(Ping(url="http://127.0.0.1:9/x"), DONE)
    assert problem == "notify.ops was not told: Connection refused."
    (problem,) = told(Ping(url_file="/no/such/file"), DONE)
    assert "there is no file /no/such/file" in problem
    (problem,) = told(Ping(url_command=("sh", "-c", "echo s3cret; exit 1")), DONE)
    assert "failed (exit code 1)" in problem
    assert "s3cret" not in problem


def mail(server, **more):
    return Mail(to=("a@example.com", "b@example.com"), host="127.0.0.1", port=server.port, **more)


def test_a_mail_is_sent_and_a_value_makes_no_header(secret):
    with smtp_server() as server:
        own = mail(server, sender="shop@example.com", subject="[${store}] ${message}", log_lines=1)
        assert told(own, FAILED, ["the last"]) == ()
        secure, logged_in, message = server.got[0]
    assert (secure, logged_in) == (False, False)
    assert message["Subject"].startswith('[shop] No space "is left" Bcc: evil@example.com')
    assert message["Bcc"] is None
    assert (message["From"], message["To"]) == ("shop@example.com", "a@example.com, b@example.com")
    text = message.get_payload(decode=True).decode()
    assert "shop: backup of media failed" in text
    assert "the last" in text


def test_a_mail_by_starttls_logs_in_with_the_secret(tmp_path, secret):
    tls, trusted = certificate(tmp_path)
    login = {"user": "shop", "password_file": secret("hunter2\n"), "tls": "starttls"}
    with smtp_server(tls=tls) as server:
        assert told(mail(server, ca_file=trusted, **login), DONE) == ()
        assert server.got[0][:2] == (True, True)
        (problem,) = told(mail(server, **login), DONE)
        assert "TLS: self" in problem
        wrong = {**login, "password_file": secret("wr0ng", "wrong")}
        (problem,) = told(mail(server, ca_file=trusted, **wrong), DONE)
        assert problem == "notify.ops was not told: the login was refused (535)."
        assert len(server.got) == 1
    with smtp_server() as server:
        (problem,) = told(mail(server, **login), DONE)
        assert "STARTTLS" in problem
        assert not server.got


@pytest.mark.parametrize(
    ("mode", "reason"), [("no-recipient", "the recipient was refused"), ("hang", "no answer in")]
)
def test_a_mail_that_is_not_taken_is_one_line(short, mode, reason):
    with smtp_server(mode) as server:
        (problem,) = told(mail(server), DONE)
    assert reason in problem


def test_apprise_gets_its_urls_and_its_words(monkeypatch, secret):
    class Fake:
        seen = ()

        def add(self, url):
            return url.startswith("json://")

        def notify(self, title, body):
            Fake.seen = (title, body)
            return "fail" not in title

    monkeypatch.setitem(sys.modules, "apprise", types.SimpleNamespace(Apprise=Fake))
    good = Apprise(urls_file=secret("json://s3cret@a\n\njson://b\n"))
    assert told(good, DONE) == ()
    assert Fake.seen[0] == "shop: backup of media is complete."
    assert told(good, FAILED) == ("notify.ops was not told: Apprise says that it failed.",)
    (problem,) = told(Apprise(urls_file=secret("s3cret://x")), DONE)
    assert "s3cret" not in problem
