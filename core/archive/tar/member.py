"""A member of an archive, as its reader gives it, and where a link in it may lead."""

from __future__ import annotations

from typing import NamedTuple


class Member(NamedTuple):
    """One entry of an archive. `name` has no leading `./` and no trailing slash."""

    content_at: int  # bytes of the inflated archive before its content; -1: it is only implied
    name: bytes
    type: int  # REGULAR, DIRECTORY, SYMLINK or HARD_LINK
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    link: bytes
    uname: bytes
    gname: bytes
    xattrs: dict[bytes, bytes] | None


def leads_out(member: Member) -> bool:
    """Tell whether a symbolic link may lead out of the root.

    Inside are only targets whose `..` all come first and are no more than the link is deep: links
    are never extracted through, so by induction such a target stays inside with any other links
    on its way. Anything else may be led out by another link (CVE-2025-4517 is built so).
    """
    return leads_out_of(member.name, member.link)


def leads_out_of(name: bytes, link: bytes) -> bool:
    """Tell the same of a link by its name and its target."""
    if link[:1] == b"/":
        return True
    if b".." not in link:
        return False
    parts = [part for part in link.split(b"/") if part not in {b"", b"."}]
    up = 0
    while up < len(parts) and parts[up] == b"..":
        up += 1
    return up > name.count(b"/") or b".." in parts[up:]


def manifest_hint(name: str) -> str:
    """Return the cure for an archive that only its manifest, a hidden file, vouches for."""
    return f"Bring its manifest (.{name}.manifest.json) beside it, and try again."
