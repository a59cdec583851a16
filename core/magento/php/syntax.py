"""The syntax tree of a PHP file, and the words for its parts that are no data.

Owns the parser. Gives no meaning to anything; never shows the text of a file, since a
configuration holds passwords; only the line and the kind of the part.
"""

from __future__ import annotations

import os
import re
from typing import Final

import tree_sitter_php
from tree_sitter import Language, Node, Parser

# Bytes over 127 are letters to PHP. One letter each for the parser keeps every position, and the
# parser from failing at bytes that are not UTF-8; the values are then cut out of the true source.
_FOR_PARSER: Final = bytes([*range(1, 128), *[ord("x")] * 128]).rjust(256, b"x")
_VARIABLE: Final = re.compile(
    rb"""(?: \bgetenv\s*\(\s*['"] | \$_(?:ENV|SERVER)\s*\[\s*['"] | \#env\(\s* ) ([A-Za-z_]\w*)""",
    re.VERBOSE,
)
_BOM: Final = b"\xef\xbb\xbf"

_CONSTRUCTS: Final = {
    "foreach_statement": "a loop (foreach)",
    "for_statement": "a loop (for)",
    "while_statement": "a loop (while)",
    "do_statement": "a loop (do)",
    "if_statement": "a condition (if)",
    "switch_statement": "a condition (switch)",
    "match_expression": "a condition (match)",
    "try_statement": "a try block",
    "include_expression": "an include",
    "include_once_expression": "an include",
    "require_expression": "an include",
    "require_once_expression": "an include",
    "anonymous_function": "a closure",
    "arrow_function": "a closure",
    "function_definition": "a function definition",
    "class_declaration": "a class definition",
    "object_creation_expression": "a new object",
    "member_access_expression": "an object's property",
    "member_call_expression": "a method call",
    "scoped_call_expression": "a method call",
    "shell_command_expression": "a shell command",
    "by_ref": "a reference",
    "reference_assignment_expression": "a reference",
    "echo_statement": "an output (echo)",
    "dynamic_variable_name": "a variable by name",
}


class NotData(Exception):
    """Something that has no value without PHP, and its line (from 1)."""

    def __init__(self, line: int, construct: str) -> None:
        super().__init__(f"line {line} holds {construct}")
        self.line = line
        self.construct = construct


class NotPhp(NotData):
    """There is no PHP in the file."""


class Unparsed(NotData):
    """A syntax error, or a syntax newer than the parser."""


def parse(source: bytes) -> tuple[Node, bytes]:
    """Return the tree of a file, and the source that its positions count in. Raises NotData."""
    text = source.removeprefix(_BOM)
    tree = Parser(Language(tree_sitter_php.language_php())).parse(text.translate(_FOR_PARSER))
    root = tree.root_node
    if not any(child.type == "php_tag" for child in root.children):
        raise NotPhp(1, "no PHP: there is no <?php")
    if root.has_error:
        raise Unparsed(_first_error(root), "a syntax error")
    return root, text


def with_places(source: bytes, path: str) -> bytes:
    """Return a file with `__FILE__` and `__DIR__` replaced by their values.

    Code that is evaluated has no file of its own: it would see a place of the evaluation.
    """
    text = source.removeprefix(_BOM)
    tree = Parser(Language(tree_sitter_php.language_php())).parse(text.translate(_FOR_PARSER))
    file = os.fsencode(path)
    places = {b"__FILE__": file, b"__DIR__": os.path.dirname(file) or b"/"}
    pieces: list[bytes] = []
    here = 0
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        waiting.extend(reversed(node.children))
        place = places.get(text[node.start_byte : node.end_byte].upper())
        if node.type != "name" or place is None or node.start_byte < here:
            continue
        pieces += (text[here : node.start_byte], _single_quoted(place))
        here = node.end_byte
    return b"".join((*pieces, text[here:]))


def _single_quoted(value: bytes) -> bytes:
    return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def _first_error(node: Node) -> int:
    for child in node.children:
        if child.type == "ERROR" or child.is_missing:
            return line(child)
        if child.has_error:
            return _first_error(child)
    return line(node)


def line(node: Node) -> int:
    """Return the line, from 1, on which a node begins."""
    return int(node.start_point[0]) + 1


def last_line(node: Node) -> int:
    """Return the line, from 1, on which a node ends."""
    return int(node.end_point[0]) + 1


def parts(node: Node) -> list[Node]:
    """Return the children of a node, without comments and punctuation."""
    return [child for child in node.named_children if child.type != "comment"]


def field(node: Node, name: str) -> Node:
    """Return the named part of a node; NotData where the grammar gave none."""
    child = node.child_by_field_name(name)
    if child is None:
        raise NotData(line(node), "something unusual")
    return child


def not_data(node: Node) -> NotData:
    """Return the error for a node that has no meaning here."""
    construct = _CONSTRUCTS.get(node.type)
    return NotData(line(node), construct or f"a PHP {node.type.replace('_', ' ')}")


def variables_of(source: bytes) -> frozenset[str]:
    """Return which variables of the environment a configuration asks for by name."""
    return frozenset(found.decode("ascii") for found in _VARIABLE.findall(source))
