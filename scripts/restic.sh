#!/bin/sh
# restic.sh: print a directory with a restic that does all that repositories need (0.17.1 or newer)
# and with restic's REST server, for the tests.
#
# The packages of Debian 13 are fetched with apt's own lists and directories for that suite, checked
# by apt as any others, and unpacked (not installed) into $MAGEREWIND_RESTIC, by default
# ~/.cache/magerewind/restic: each is one static program. What is there already is left alone. Where
# that cannot be done, says why on standard error and exits 1.
set -eu
needed=0.17.1
suite=trixie
place=${MAGEREWIND_RESTIC:-${XDG_CACHE_HOME:-$HOME/.cache}/magerewind/restic}

refuse() {
    echo "magerewind: no restic $needed or newer: $1" >&2
    exit 1
}

is_new_enough() {
    found=$("$1" version 2>/dev/null | sed -n 's/^restic \([0-9.]*\).*/\1/p')
    [ -n "$found" ] &&
        [ "$(printf '%s\n%s\n' "$needed" "$found" | sort -V | head -n 1)" = "$needed" ]
}

if is_new_enough "$place/usr/bin/restic" && [ -x "$place/usr/bin/restic-rest-server" ]; then
    echo "$place/usr/bin"
    exit 0
fi
command -v apt-get >/dev/null 2>&1 || refuse "this is not a Debian machine."
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || refuse "$keyring is missing."

# Both forms of apt's sources: `deb [options] URI suite…` and `URIs: URI`.
mirror=${MAGEREWIND_MIRROR:-$(
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
        2>/dev/null |
        sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]*)?([a-z]+:[^[:space:]]+).*/\2/p
                 s/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p' |
        grep -E '^https?:.*/debian/?$' | head -n 1
)}
[ -n "$mirror" ] || refuse "apt's sources name no Debian mirror: set MAGEREWIND_MIRROR to one."

apt=$place/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/etc/preferences.d"
echo "deb [signed-by=$keyring] $mirror $suite main" >"$apt/sources.list"
options="-o Dir::Etc::sourcelist=$apt/sources.list -o Dir::Etc::sourceparts=- \
    -o Dir::Etc::preferences=- -o Dir::Etc::preferencesparts=- -o APT::Sandbox::User= \
    -o Dir::State::lists=$apt/lists -o Dir::Cache::archives=$apt/archives \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1"
log=$place/apt.log
echo "magerewind: fetching restic and its REST server of Debian $suite into $place" >&2
# options is a list of words.
# shellcheck disable=SC2086
(cd "$apt/archives" && apt-get -q $options update && apt-get -q $options download restic restic-rest-server) \
    >"$log" 2>&1 || refuse "that failed; the last lines of $log: $(tail -n 3 "$log")"
rm -rf "${place:?}/usr"
for package in "$apt"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$place" --wildcards './usr/bin/*'
done
rm -rf "$apt"
is_new_enough "$place/usr/bin/restic" || refuse "what was fetched does not run here."
echo "$place/usr/bin"
