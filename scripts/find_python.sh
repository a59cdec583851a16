#!/bin/sh
# find_python.sh: print a Python that is new enough (3.11) and can make environments.
# PYTHON=/path/to/python chooses one. Installs Debian's python3-venv where only that is missing.
set -eu

is_new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

first=${PYTHON:-python3}
new_enough=
for python in $first ${PYTHON:-python3.14 python3.13 python3.12 python3.11}; do
    is_new_enough "$python" || continue
    if can_make_environments "$python"; then
        [ "$python" = "$first" ] ||
            echo "magerewind: $first is too old or cannot make environments; using $python" >&2
        command -v "$python"
        exit 0
    fi
    [ -n "$new_enough" ] || new_enough=$python
done

if [ -z "$new_enough" ]; then
    echo "magerewind: Python 3.11 or newer is needed; here is: $("$first" --version 2>&1 | head -n 1)" >&2
    echo "magerewind: install one, or name it: make setup PYTHON=/path/to/python3.11" >&2
    exit 1
fi
# Debian keeps ensurepip in a package of its own, one for each version of Python.
version=$("$new_enough" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $new_enough in
    python3) package=python3-venv ;;
    *) package=python$version-venv ;;
esac
"$(dirname "$0")/need.sh" "/usr/lib/python$version/ensurepip/__init__.py=$package" >&2
command -v "$new_enough"
