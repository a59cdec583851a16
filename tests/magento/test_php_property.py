"""Every PHP array, in either syntax and with either quotes, is read back."""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from core.magento.php.read_array import parse_array
from core.magento.php.syntax import NotData

PROFILE = settings(max_examples=150, deadline=None, derandomize=True, database=None)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=40)
    | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass"))
)


def is_number(key: bytes) -> bool:
    """Whether PHP would make an integer of a key that is text."""
    try:
        return str(int(key)).encode() == key
    except ValueError:
        return False


keys = st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1) | st.binary(max_size=12).filter(
    lambda key: not is_number(key)
)
values = st.recursive(
    scalars, lambda inner: st.dictionaries(keys, inner, max_size=5), max_leaves=25
)
arrays = st.dictionaries(keys, values, max_size=6)


def string(value: bytes, style: random.Random) -> bytes:
    if style.random() < 0.5:
        return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"
    for old, new in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"$", b"\\$"), (b"{", b"\\x7b")):
        value = value.replace(old, new)
    if style.random() < 0.5:
        value = value.replace(b"\n", b"\\n").replace(b"\x00", b"\\x00")
    return b'"' + value + b'"'


def space(style: random.Random) -> bytes:
    return style.choice([b"", b" ", b"\n\t", b"\r\n  ", b" /* c */ ", b" // c\n", b" # c\r\n"])


def written(value: object, style: random.Random) -> bytes:
    match value:
        case None:
            return style.choice([b"null", b"NULL"])
        case bool():
            return style.choice([b"true", b"TRUE"]) if value else style.choice([b"false", b"False"])
        case int():
            return b"%d" % value
        case float():
            text = repr(value)
            return (text if "." in text or "e" in text else text + ".0").encode()
        case bytes():
            return string(value, style)
        case dict():
            opening, closing = style.choice([(b"[", b"]"), (b"array(", b")"), (b"array (", b")")])
            items = b",".join(
                space(style) + written(key, style) + b" =>" + space(style) + written(each, style)
                for key, each in value.items()
            )
            trailing = style.choice([b"", b","]) if value else b""
            return opening + items + trailing + space(style) + closing
        case _:
            raise AssertionError(value)


def same(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return type(one) is type(other) and one == other


@PROFILE
@given(arrays, st.integers(min_value=0, max_value=2**32))
def test_an_array_is_read_back(array, seed):
    style = random.Random(seed)
    opening = style.choice([b"<?php ", b"\xef\xbb\xbf<?php\r\n", b"<?php\n// x\n"])
    closing = style.choice([b";", b";\n?>\n", b" ?>", b";\r\n"])
    source = opening + b"return " + written(array, style) + closing
    found = parse_array(source, path="/env.php", environ={})
    assert same(found, array), source


@PROFILE
@given(st.binary(max_size=200))
def test_any_bytes_give_an_array_or_a_refusal(source):
    for text in (source, b"<?php return [" + source + b"];", b'<?php return ["' + source + b'"];'):
        try:
            parse_array(text, path="/env.php", environ={})
        except NotData as refusal:
            assert "\n" not in str(refusal)
