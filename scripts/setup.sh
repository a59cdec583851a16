#!/bin/sh
# setup.sh: make .venv with the locked dependencies and the command .venv/bin/magerewind.
# Does nothing when .venv is already what the lock file says.
set -eu
cd "$(dirname "$0")/.."
scripts/need.sh mariadbd=mariadb-server mariadb=mariadb-client

stamp=.venv/.made-from
wanted="$(cat requirements-dev.lock pyproject.toml scripts/setup.sh | cksum) $PWD"
if [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && .venv/bin/python -c 'import core, tui' 2>/dev/null; then
    exit 0
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(scripts/find_python.sh)
    echo "magerewind: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
echo "magerewind: installing the locked dependencies into .venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements-dev.lock
# The build tools are in the lock file, so nothing else is fetched.
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
echo "$wanted" >$stamp
echo "magerewind: ready, the command is .venv/bin/magerewind"
