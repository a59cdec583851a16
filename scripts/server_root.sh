#!/bin/sh
# server_root.sh NAME...: a directory with the database server of another Debian suite, to run the
# tests against servers that this release does not package.
#
#   mariadb   MariaDB 11.8, from trixie
#   mysql     MySQL 9, from sid
#
# The roots stand in $MAGEREWIND_SERVERS (by default ~/.cache/magerewind/servers), one directory of
# about 700 MB each. What is there already is left alone; to have a newer one, remove it and run
# this again. Needs root, because debootstrap and chroot do. The mirror is the one that this
# machine's own packages come from; $MAGEREWIND_MIRROR names another.
set -eu
cd "$(dirname "$0")/.."
servers=${MAGEREWIND_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/magerewind/servers}

refuse() {
    echo "magerewind: $1" >&2
    exit 1
}

# Both forms of apt's sources: `deb [options] URI suite…` and `URIs: URI`. Mirrors of security
# updates end otherwise, and have no other suites.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
        2>/dev/null |
        sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]*)?([a-z]+:[^[:space:]]+).*/\2/p
                 s/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p' |
        grep -E '^https?:.*/debian/?$' | head -n 1
}

make_root() {
    name=$1 suite=$2 packages=$3 program=$4
    root=$servers/$name
    [ -x "$root$program" ] && return
    [ "$(id -u)" -eq 0 ] ||
        refuse "$root is missing, and only root can make it: sudo -E $0 $name"
    scripts/need.sh debootstrap=debootstrap
    from=${MAGEREWIND_MIRROR:-$(mirror)}
    [ -n "$from" ] || refuse "apt's sources name no Debian mirror: set MAGEREWIND_MIRROR to one."
    eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
    [ -z "${http_proxy:-}" ] || export http_proxy
    echo "magerewind: making $root with $packages of $suite, this takes minutes"
    mkdir -p "$servers"
    rm -rf --one-file-system "$root" "$root.partial"
    log=$root.log
    {
        debootstrap --variant=minbase "$suite" "$root.partial" "$from" &&
            # packages is a list of words
            # shellcheck disable=SC2086
            chroot "$root.partial" env DEBIAN_FRONTEND=noninteractive \
                apt-get -q -y install --no-install-recommends $packages &&
            chroot "$root.partial" apt-get -q clean
    } >"$log" 2>&1 || refuse "that failed; the last lines of $log: $(tail -n 3 "$log")"
    mkdir -p "$root.partial/my"
    # The server looks its own host up, and there is no network in its directory.
    echo "127.0.0.1 localhost $(hostname)" >"$root.partial/etc/hosts"
    mv "$root.partial" "$root"
    echo "magerewind: $(chroot "$root" "$program" --version)"
}

[ $# -gt 0 ] || { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2; }
for wanted in "$@"; do
    case $wanted in
        mariadb) make_root mariadb trixie "mariadb-server-core mariadb-client" /usr/sbin/mariadbd ;;
        mysql) make_root mysql sid "mysql-server-core mysql-client-core" /usr/sbin/mysqld ;;
        *) refuse "unknown server '$wanted': mariadb or mysql" ;;
    esac
done
