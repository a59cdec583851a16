"""A command, and the runner that it starts, whose keeper fails at a chosen request.

    failing_keeper.py command N:WHAT WORDS…    a command whose runner fails so
    failing_keeper.py runner N:WHAT job:run …  that runner

The fault before the runner's request N: `gone` ends the keeper and all its processes, `lost` only
the process that would have answered, `kill` the runner itself; `goneafter` and `killafter` just
after its answer. With N = 0 nothing fails, and the number of requests goes to the file `asked` in
the working directory of the command.
"""

import os
import signal
import sys

from core.account import client


class Failure:
    """Counts requests, and fails at one."""

    def __init__(self, words):
        number, self.what = words.split(":", 1)
        self.number = int(number)
        self.passed = 0
        self.is_gone = False
        self.ask = client._Channel.ask

    def asked(self, channel, *words):
        self.passed += 1
        if self.passed == self.number:
            self.act(channel)
        if self.is_gone:
            channel._sock.close()
        answer = self.ask(channel, *words)
        if self.passed == self.number:
            self.act(channel, after="after")
        return answer

    def act(self, channel, after=""):
        if self.what == f"kill{after}":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.what == f"gone{after}":
            self.is_gone = True
        elif self.what == f"lost{after}":
            channel._sock.close()


def main(role, words, *rest):
    if role == "command":
        from core.jobs.client import Client

        runner = (sys.executable, "-I", os.path.abspath(__file__), "runner", words, "job:run")
        Client.__init__.__kwdefaults__["runner"] = runner
    else:
        failure = Failure(words)
        client._Channel.ask = lambda channel, *words: failure.asked(channel, *words)  # noqa: PLW0108
    from core.cli.main import run

    code = run(list(rest))
    if role == "runner" and not failure.number:
        with open(failure.what, "w", encoding="ascii") as file:
            file.write(str(failure.passed))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
