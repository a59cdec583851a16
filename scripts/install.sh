#!/bin/sh
# install.sh PREFIX [WHEEL]: install for all accounts, with an environment of its own.
#   PREFIX/lib/magerewind   the environment, with the locked dependencies
#   PREFIX/bin/magerewind   the command
#   PREFIX/share            the page of the manual, and completion for bash, zsh and fish
# Nothing of it may be written by others: root refuses to run such an installation.
set -eu
cd "$(dirname "$0")/.."
[ $# -ge 1 ] && [ -n "$1" ] || { echo "usage: scripts/install.sh PREFIX [WHEEL]" >&2; exit 2; }
umask 022
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
wheel=${2:-.}
home=$prefix/lib/magerewind
if [ -e "$home" ] && [ ! -e "$home/pyvenv.cfg" ]; then
    echo "magerewind: $home is something else; nothing was installed" >&2
    exit 1
fi

python=$(scripts/find_python.sh)
echo "magerewind: making $home with $("$python" --version)"
"$python" -m venv --clear "$home"
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$home/bin/python" -m pip install --quiet --require-hashes --no-deps -r "${MAGEREWIND_LOCK:-requirements.lock}"
"$home/bin/python" -m pip install --quiet --no-deps "$wheel"

mkdir -p "$prefix/bin"
ln -sfn ../lib/magerewind/bin/magerewind "$prefix/bin/magerewind"
(cd "$home/share" && find . -type f) | while read -r file; do
    mkdir -p "$prefix/share/$(dirname "$file")"
    cp "$home/share/$file" "$prefix/share/$file"
done
echo "magerewind: ready, the command is $prefix/bin/magerewind"
