# ruff: noqa: INP001, T201 - the start of a single file, and not a module of a package
"""The start of the single file: `__main__.py` in it. Packages are beside it, in `site-packages/`.

Libraries in C cannot be loaded out of a zip file: all packages are laid down once, in a directory
of the account's own, and used from there. Root's is /var/cache/magerewind, which all may read: root
becomes the owner of a store, who has to read the code.
"""

from __future__ import annotations

import os
import sys

PYTHON = (0, 0)  # both are set by `scripts/dist.py`
BUILD = ""


def fail(message: str) -> None:
    """End with one line."""
    print(message, file=sys.stderr)
    sys.exit(1)


def cache() -> str:
    """Return the directory of all that was laid down, made where it is missing."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    home = home if home.startswith("/") else os.path.expanduser("~/.cache")
    usual = "/var/cache" if os.geteuid() == 0 else home
    path = os.path.abspath(os.environ.get("MAGEREWIND_CACHE") or f"{usual}/magerewind")
    try:
        os.makedirs(path, mode=0o755, exist_ok=True)
        status = os.lstat(path)
    except OSError as error:
        fail(
            f"This file lays its packages down in {path}, and cannot: {error.strerror}.\n"
            "Name a directory of this account's own in MAGEREWIND_CACHE."
        )
    if status.st_uid != os.geteuid() or status.st_mode & 0o170022 != 0o040000:
        fail(f"{path} is not a directory that this account alone may write to.")
    return path


def laid_down() -> str:
    """Return the directory of the packages."""
    above = cache()
    wanted = os.path.join(above, BUILD)
    place = os.path.join(wanted, "site-packages")
    if os.path.isdir(place):
        return place
    import compileall  # noqa: PLC0415 - once only
    import shutil  # noqa: PLC0415 - as above
    import tempfile  # noqa: PLC0415 - as above
    import zipfile  # noqa: PLC0415 - as above

    made = tempfile.mkdtemp(prefix=".new-", dir=above)
    try:
        with zipfile.ZipFile(sys.argv[0]) as archive:
            names = [name for name in archive.namelist() if name.startswith("site-packages/")]
            archive.extractall(made, names)
        compileall.compile_dir(made, quiet=2, stripdir=made, prependdir=wanted)
        os.chmod(made, 0o755)  # noqa: S103 - the owner of a store has to read it
        os.sync()  # a name holds all, also after a loss of power
        os.rename(made, wanted)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        if not os.path.isdir(place):  # another process was faster
            fail(f"This file cannot lay its packages down in {above}: {error.strerror or error}.")
    return place


def start() -> int:
    """Run the program."""
    if sys.version_info[:2] != PYTHON:
        wanted = ".".join(map(str, PYTHON))
        fail(
            f"This file is for Python {wanted}, and this is Python {sys.version.split()[0]}.\n"
            f"Run it with python{wanted}, or take the file for this one."
        )
    before = os.umask(0o022)
    place = laid_down()
    os.umask(before)
    sys.path[0] = place  # in the place of this file
    from core import program  # noqa: PLC0415 - it can be found only now

    program.start_from(place)
    from tui.__main__ import main  # noqa: PLC0415 - as above

    return main()


if __name__ == "__main__":
    sys.exit(start())
