"""A process that exchanges two names all the time, as an attacker in a race would."""

from __future__ import annotations

import contextlib
import subprocess
import sys

PROGRAM = """
import ctypes, sys
libc = ctypes.CDLL(None)
one, other = (name.encode() for name in sys.argv[1:])
print("ready", flush=True)
while libc.renameat2(-100, one, -100, other, 2) == 0:
    pass
"""


@contextlib.contextmanager
def exchanging(one, other):
    """Exchange two paths for each other, over and over, for a while."""
    command = [sys.executable, "-I", "-c", PROGRAM, str(one), str(other)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            child.stdout.readline()
            yield
        finally:
            child.kill()
