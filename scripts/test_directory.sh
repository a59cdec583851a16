#!/bin/sh
# test_directory.sh: print the directory for the temporary files of `make test`.
# That is memory (/dev/shm) where it is large enough and runs programs: the tests make and drop
# thousands of tables and files, and on a disk most of their time is waiting for it. Elsewhere the
# ordinary directory. `make crash`, and pytest called by hand, stay on the disk.
set -eu
memory=/dev/shm
needed_kb=3000000

is_suitable() {
    [ -d $memory ] && [ -w $memory ] || return 1
    [ "$(stat -f -c %T $memory)" = tmpfs ] || return 1
    ! grep -q "^[^ ]* $memory [^ ]* [^ ]*noexec" /proc/mounts || return 1
    [ "$(df -k --output=avail $memory | tail -n 1)" -ge $needed_kb ] || return 1
    # Beside the files there are the servers.
    [ "$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)" -ge $((2 * needed_kb)) ]
}

if [ -z "${TMPDIR:-}" ] && is_suitable; then
    echo $memory
else
    echo "${TMPDIR:-/tmp}"
fi
