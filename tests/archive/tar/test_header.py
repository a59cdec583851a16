"""Headers of any content mean the same to other tar programs."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.archive.tar.header import (
    BLOCK,
    DIRECTORY,
    REGULAR,
    SYMLINK,
    XATTR_PREFIX,
    BadHeader,
    Fields,
    HeaderReader,
    HeaderWriter,
    parse_pax,
)

path = st.lists(
    st.binary(min_size=1, max_size=90).filter(
        lambda part: not set(part) & {0, 47} and part not in {b".", b".."}
    ),
    min_size=1,
    max_size=5,
).map(b"/".join)
number = st.integers(min_value=0, max_value=(1 << 31) - 2)
fields = st.builds(
    Fields,
    name=path,
    mode=st.integers(0, 0o7777),
    uid=number,
    gid=number,
    size=st.just(0),
    mtime=st.integers(-(1 << 40), 1 << 40),
    type=st.sampled_from([REGULAR, DIRECTORY, SYMLINK]),
    link=st.just(b""),
    uname=st.text("abcdefghijklmnop-_", max_size=31).map(str.encode),
    gname=st.text("abcdefghijklmnop-_", max_size=31).map(str.encode),
)


@settings(max_examples=200, deadline=None, database=None)
@given(one=fields, target=path)
def test_tarfile_reads_the_same(one: Fields, target: bytes) -> None:
    one = one._replace(link=target if one.type == SYMLINK else b"")
    content = HeaderWriter().build(one) + bytes(2 * BLOCK)
    with tarfile.open(fileobj=io.BytesIO(content), encoding="utf-8") as tar:
        (info,) = tar.getmembers()
    assert info.name.encode("utf-8", "surrogateescape") == one.name.rstrip(b"/")
    assert info.linkname.encode("utf-8", "surrogateescape") == one.link
    assert (info.mode, info.uid, info.gid, info.mtime) == (one.mode, one.uid, one.gid, one.mtime)
    assert (info.uname.encode(), info.gname.encode()) == (one.uname, one.gname)


@settings(max_examples=200, deadline=None, database=None)
@given(one=fields, size=st.integers(0, 1 << 60))
def test_what_is_built_is_read(one: Fields, size: int) -> None:
    one = one._replace(name=one.name[:100], size=size)
    assert HeaderReader().parse(HeaderWriter().build(one)) == one


@settings(max_examples=100, deadline=None, database=None)
@given(records=st.dictionaries(st.sampled_from([b"user.a", b"user.b"]), st.binary(max_size=2000)))
def test_attributes_survive(records: dict[bytes, bytes]) -> None:
    wanted = {XATTR_PREFIX + key: value for key, value in records.items()}
    assert parse_pax(HeaderWriter().pax(b"name", wanted)[512:]) == wanted


@settings(max_examples=300, deadline=None, database=None)
@given(content=st.binary(min_size=512, max_size=512))
def test_noise_is_no_header(content: bytes) -> None:
    with pytest.raises(BadHeader):
        HeaderReader().parse(content)


def test_sums_of_old_tars_are_accepted() -> None:
    """Some added signed bytes."""
    header = bytearray(HeaderWriter().build(Fields(
        "ü".encode(), 0o644, 0, 0, 0, 0, REGULAR, b"", b"", b""
    )))  # fmt: skip
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % (sum(header) - 256 * sum(byte > 127 for byte in header))
    assert HeaderReader().parse(bytes(header)).name == "ü".encode()
