"""The part of `docs/configuration.md` beside the fields: hooks, receivers, metrics, by example."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final = """\
## Hooks

A hook is a list of arguments, run without a shell, in the root of the store, as its owner; a path
without a leading `/` but with a `/` in it is one below the root. It gets the job as one line of
JSON on its standard input, and `MAGEREWIND_HOOK_MOMENT`, `_OPERATION`, `_OUTCOME`, `_STORE`,
`_ROOT` and `_JOB_ID` in an environment that holds the terminal's type, the language, `PATH`, the
account and Magento's variables, and nothing else. Its output, the last 16 KiB of it, goes to the
job's log.

```toml
[stores.shop]
root = "/srv/shop"

[stores.shop.hooks]
# Cron and queue consumers do not write while the store is closed.
before = [
  ["bin/magento", "cron:remove"],
  ["/usr/local/bin/consumers", "stop"],
]
after = [
  ["bin/magento", "cron:install"],
  ["/usr/local/bin/consumers", "start"],
]
timeout = 120

[stores.shop.hooks.rollback]
# Varnish still has pages of before; PHP-FPM still has code of before.
on_success = [
  ["curl", "-fsS", "-X", "PURGE", "-H", "X-Magento-Tags-Pattern: .*", "http://127.0.0.1:6081/"],
  ["sudo", "-n", "/usr/bin/systemctl", "reload", "php8.3-fpm"],
]
```

- A program outside of the store that every account may write to, or exchange, is not run.
- Order: `before`; the job; `on_success` or `on_failure`; `after`. Hooks under `hooks.rollback`
  stand in place of those of the same name under `hooks`, so the `before` and `after` above hold
  for rollbacks too.
- A `before` that fails stops the job before the store is closed: exit code 3, one line.
  `on_failure` and `after` still run. Any other hook that fails is a warning.
- A hook that takes longer than `timeout` is killed with all of its process group. What it has
  left in the background when it ended by itself goes on.
- A cancelled job kills the `before` that runs, and runs `on_failure` and `after`.
- When the process of a job is killed, so is a hook that runs at that moment, with all of its
  process group. `job:recover` runs no `before` again, and then runs what had not ended yet of
  `on_success` or `on_failure`, and `after`, as they were when the job was started. A hook that was
  killed in the middle is run again, so hooks should be harmless when repeated.
- A job that leaves the store closed (exit code 20) runs `on_failure`, but not `after`: nothing
  should write to a store that is neither old nor new. The recovery that ends the job runs it.
- Root that has become the owner gives up setuid programs for good: `sudo` in a hook works where
  the command was started by the owner, such as in a timer with `User=`.

## Receivers

```toml
[defaults]
notify = ["check", "ops", "chat"]

[notify.check]
type = "ping"                                   # URL/start, URL, URL/fail
url_file = "/etc/magerewind/healthchecks.url"   # mode 0640, group of the owner

[notify.chat]
type = "webhook"
url_command = ["pass", "show", "chat/webhook"]
on = ["warnings", "fail"]
template = { text = "${summary}", fields = [{ name = "Size", value = "${size_bytes}" }] }

[notify.ops]
type = "mail"
to = ["ops@example.com"]
host = "smtp.example.com"
user = "shop"
password_credential = "smtp"                    # LoadCredential=smtp:... of the unit
log_lines = 20

[notify.phone]
type = "apprise"                                # pipx install 'magerewind[notify]'
urls_file = "/home/deploy/.config/magerewind/apprise.urls"
```

- All receivers are told at once, and waited for together for nine seconds. One that does not
  answer, refuses or breaks is a warning in the job, with its name and without its URL; neither
  outcome nor exit code change, not even with `strict`.
- Up to three redirections are followed, to http and https only, never from https to http. A token
  and headers go to the first host only. Certificates are checked against the system's, or
  `ca_file`. Proxies are not used, whatever the environment says.
- A value is put into texts of the template, never into its JSON. A text that is one placeholder
  becomes its value, so `"${size_bytes}"` is a number.
- Messages of the job go along only where `log_lines` asks for them.
- `ping` is called for backups alone, unless `operations` says more: a rollback that went well is
  no backup.
- A backup that could not even be started (another job runs, the store is gone) is told of as a
  failure too, by the command. A process that is killed can tell nothing: the check that was
  started and not ended says that, and `job:recover` tells of the end.

## Metrics

`metrics_file` is written after each job, beside its name and then renamed, with the mode 0644.
The directory must be one that the owner of the store may write to. All metrics have the label
`store`.

| metric | meaning |
|---|---|
| `magerewind_backup_last_success_timestamp_seconds` | when the newest backup of a `kind` began |
| `magerewind_backup_age_seconds` | its age when the file was written |
| `magerewind_backup_size_bytes` | its size |
| `magerewind_backup_duration_seconds` | how long it took to make |
| `magerewind_job_last_end_timestamp_seconds` | when the last job of an `operation` ended |
| `magerewind_job_last_success` | 1 where that job was complete, else 0 |
| `magerewind_job_duration_seconds` | how long that job took |
| `magerewind_job_closed_seconds` | how long that job kept the store closed |
| `magerewind_failures_total` | failed jobs, by `operation` and `kind` |
"""
