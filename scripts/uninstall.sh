#!/bin/sh
# uninstall.sh PREFIX: take away what install.sh has put below PREFIX, and nothing else.
# Stores, their backups and the configuration stay; schedules are schedule:remove's to take away.
set -eu
[ $# -ge 1 ] && [ -n "$1" ] || { echo "usage: scripts/uninstall.sh PREFIX" >&2; exit 2; }
prefix=$(cd "$1" && pwd)
home=$prefix/lib/magerewind
link=$prefix/bin/magerewind
if [ ! -e "$home/pyvenv.cfg" ] || [ ! -e "$home/bin/magerewind" ]; then
    echo "magerewind: there is no installation in $home; nothing was removed" >&2
    exit 1
fi

(cd "$home/share" && find . -type f) | while read -r file; do
    if cmp -s "$home/share/$file" "$prefix/share/$file"; then
        rm "$prefix/share/$file"
        (cd "$prefix/share" && rmdir -p "$(dirname "$file")" 2>/dev/null) || true
    elif [ -e "$prefix/share/$file" ]; then
        echo "magerewind: $prefix/share/$file was changed, and stays" >&2
    fi
done
if [ "$(readlink "$link" || true)" = ../lib/magerewind/bin/magerewind ]; then
    rm "$link"
fi
rm -r "$home"
echo "magerewind: removed from $prefix"
