"""Puts values into a PHP file that returns an array: other values of the same keys are replaced.

The existing text stays as it is, with its comments and constants; its returned value is assigned,
changed and returned. `read_array` reads the result, and so does PHP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.magento.php.syntax import NotData, last_line, parse, parts

_NAME: Final = b"$config"


def put_values(source: bytes, values: Mapping[tuple[str, ...], str]) -> bytes:
    """Return the file with these texts at these paths of keys. Raises NotData."""
    root, text = parse(source)
    found = [node for node in parts(root) if node.type == "return_statement"]
    if len(found) != 1 or len(parts(found[0])) != 1:
        raise NotData(last_line(root), "no single array that is returned")
    statement, value = found[0], parts(found[0])[0]
    lines = [
        _NAME + b"".join(b"[%s]" % _quoted(key) for key in path) + b" = %s;\n" % _quoted(one)
        for path, one in values.items()
    ]
    return b"".join(
        (
            text[: statement.start_byte],
            _NAME + b" = " + text[value.start_byte : value.end_byte] + b";\n",
            *lines,
            b"return " + _NAME + b";",
            text[statement.end_byte :],
        )
    )


def _quoted(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return b"'" + raw.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"
