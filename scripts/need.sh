#!/bin/sh
# need.sh NAME=PACKAGE...: install the Debian package of whatever is not on this machine.
# NAME is a program, or the path of a file. Says what it installs before it does; where it cannot,
# says what to install by hand and exits 1.
set -eu
PATH=$PATH:/usr/sbin:/usr/local/sbin:/sbin

is_there() {
    case $1 in
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing() {
    found=
    for pair in "$@"; do
        is_there "${pair%%=*}" || found="$found ${pair#*=}"
    done
    printf '%s' "${found# }"
}

refuse() {
    echo "magerewind: $1" >&2
    echo "magerewind: install by hand and try again: $packages" >&2
    exit 1
}

packages=$(missing "$@")
[ -n "$packages" ] || exit 0
command -v apt-get >/dev/null 2>&1 || refuse "this is not a Debian machine (there is no apt-get)."
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || refuse "this account is not root, and there is no sudo."
    # Without a terminal nobody can type a password, and sudo must not wait for one.
    if [ -t 0 ]; then as_root="sudo"; else as_root="sudo -n"; fi
fi

# as_root and packages are lists of words.
# shellcheck disable=SC2086
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
}

echo "magerewind: installing Debian packages: $packages"
# shellcheck disable=SC2086
apt install --no-install-recommends $packages || {
    echo "magerewind: fetching the list of packages, then once more"
    apt update || refuse "apt-get update failed."
    apt install --no-install-recommends $packages || refuse "apt-get install failed."
}
packages=$(missing "$@")
[ -z "$packages" ] || refuse "apt-get install ended well, but something is still missing."
