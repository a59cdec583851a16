"""The meaning of PHP expressions in a configuration file: literals and a little around them.

An expression without a value unless PHP runs raises `NotData`. Knows nothing of statements, of
files, or of the meaning of the values to Magento.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final

from tree_sitter import Node

from core.magento.php.operators import CONSTANTS, binary, class_constant, negative
from core.magento.php.strings import double_quoted, single_quoted, without_indentation
from core.magento.php.syntax import NotData, field, line, not_data, parts
from core.magento.php.values import (
    Array,
    Unknown,
    Value,
    append,
    array_key,
    cast,
    integer,
    spread,
    to_bytes,
    truth,
)

_ENVIRONMENTS: Final = ("_ENV", "_SERVER")
_DEPTH_LIMIT: Final = 200


_UNUSUAL: Final = (
    ValueError, LookupError, ArithmeticError, TypeError, AttributeError, StopIteration,
)  # fmt: skip


@contextlib.contextmanager
def unusual(node: Node) -> Iterator[None]:
    """Turn any error of a tree that PHP itself would refuse into NotData, without its text.

    The grammar accepts more than PHP does: nodes without the parts that they should have.
    """
    try:
        yield
    except Unknown as unknown:
        raise NotData(line(node), str(unknown)) from None
    except _UNUSUAL:
        raise NotData(line(node), "something unusual") from None


class PhpExpressions:
    """The expressions of one file, and the names in them: variables, constants, imports."""

    def __init__(self, source: bytes, path: str, environ: Mapping[str, str]) -> None:
        self._source = source
        self._path = path.encode("utf-8", "surrogateescape")
        self._environ = environ
        self._variables: dict[bytes, Value] = {}
        self._constants: dict[bytes, Value] = dict(CONSTANTS)
        self._imports: dict[bytes, bytes] = {}
        self._namespace = b""
        self._depth = 0
        self._lenient = 0  # how many `??` are being looked into

    def value(self, node: Node) -> Value:
        """Return the value of an expression."""
        give = self._GIVE.get(node.type)
        if give is None:
            raise not_data(node)
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            raise NotData(line(node), "arrays that are nested too deep")
        try:
            with unusual(node):
                return give(self, node)
        finally:
            self._depth -= 1

    def _array(self, node: Node) -> Value:
        array: Array = {}
        for element in parts(node):
            pair = parts(element)
            if not pair or pair[0].type == "by_ref" or pair[-1].type == "by_ref":
                raise NotData(line(element), "a reference")
            if pair[0].type == "variadic_unpacking":
                spread(array, self.value(parts(pair[0])[0]))
            elif len(pair) == 1:
                append(array, self.value(pair[0]))
            else:
                key = array_key(self.value(pair[0]))
                array[key] = self.value(pair[1])
        return array

    def _single_quoted(self, node: Node) -> Value:
        return single_quoted(self._text(node).lstrip(b"bB")[1:-1])

    def _double_quoted(self, node: Node) -> Value:
        start = node.start_byte + len(self._prefix(node)) + 1
        return self._interpolated(node, start, node.end_byte - 1)

    def _prefix(self, node: Node) -> bytes:
        text = self._text(node)
        return text[: len(text) - len(text.lstrip(b"bB"))]

    def _heredoc(self, node: Node) -> Value:
        """Return a heredoc's or nowdoc's text; its closing word's indentation is taken off."""
        end = next(child for child in node.children if child.type == "heredoc_end")
        opening = next(child for child in node.children if child.type == "heredoc_start")
        last_line = self._source.rfind(b"\n", 0, end.start_byte) + 1
        first = self._source.index(b"\n", opening.end_byte) + 1
        stop = last_line - 1
        if stop > first and self._source[stop - 1 : stop] == b"\r":
            stop -= 1
        if stop < first:
            return b""
        indentation = self._source[last_line : end.start_byte]
        if node.type == "nowdoc":
            raw = self._source[first:stop]
            return without_indentation(raw, indentation, at_line_start=True)
        body = next((child for child in node.children if child.type == "heredoc_body"), None)
        return self._interpolated(body, first, stop, indentation=indentation, heredoc=True)

    def _interpolated(
        self,
        node: Node | None,
        start: int,
        stop: int,
        *,
        indentation: bytes = b"",
        heredoc: bool = False,
    ) -> bytes:
        """Return the text from `start` to `stop`, the expressions in it replaced by their values.

        Only expressions are taken from the tree: line ends between two pieces of text are
        no nodes of it.
        """
        pieces: list[bytes] = []
        here = start

        def raw(upto: int) -> None:
            text = without_indentation(
                self._source[here:upto], indentation, at_line_start=here == start
            )
            pieces.append(double_quoted(text, heredoc=heredoc))

        for child in node.children if node is not None else ():
            if child.type in ("string_content", "escape_sequence", '"'):
                continue
            raw(child.start_byte)
            if child.is_named:
                pieces.append(to_bytes(self.value(child)))
            here = child.end_byte
        raw(stop)
        return b"".join(pieces)

    def _integer(self, node: Node) -> Value:
        return integer(self._text(node))

    def _float(self, node: Node) -> Value:
        return float(self._text(node).replace(b"_", b""))

    def _boolean(self, node: Node) -> Value:
        return self._text(node).lower() == b"true"

    def _null(self, node: Node) -> Value:  # noqa: ARG002 - one of a table
        return None

    def _only(self, node: Node) -> Value:
        return self.value(parts(node)[0])

    def _constant(self, node: Node) -> Value:
        name = self._text(node).lstrip(b"\\")
        match name.upper():
            case b"__DIR__":
                return self._path.rpartition(b"/")[0] or b"/"
            case b"__FILE__":
                return self._path
            case b"__LINE__":
                return line(node)
            case b"__NAMESPACE__":
                return self._namespace
            case _:
                pass
        if name not in self._constants:
            raise NotData(line(node), "a constant that is not known")
        return self._constants[name]

    def _class_constant(self, node: Node) -> Value:
        owner, name = (self._text(part) for part in parts(node))
        if name.lower() == b"class":
            return self._class_name(owner)
        value = class_constant(self._class_name(owner), name)
        if value is None:
            raise NotData(line(node), "a class constant that is not known")
        return value

    def _class_name(self, name: bytes) -> bytes:
        """Return a class's whole name, as `use` and `namespace` make it."""
        if name.startswith(b"\\"):
            return name[1:]
        first, slash, rest = name.partition(b"\\")
        imported = self._imports.get(first.lower())
        if imported is not None:
            return imported + slash + rest
        return self._namespace + b"\\" + name if self._namespace else name

    def _variable(self, node: Node) -> Value:
        name = self._name_of(node)
        if name not in self._variables:
            if self._lenient:
                return None
            # Not its name: in "pa$word" that is a part of a password.
            raise NotData(line(node), "a variable that is not set")
        return self._variables[name]

    def _subscript(self, node: Node) -> Value:
        target, *key = parts(node)
        if not key:
            raise NotData(line(node), "a key that is missing")
        if target.type == "variable_name":
            name = self._name_of(target).decode("ascii", "replace")
            if name in _ENVIRONMENTS:
                return self._from_environment(to_bytes(self._key(key[0])))
        array = self.value(target)
        if array is None:
            return None
        if not isinstance(array, dict):
            raise NotData(line(node), "a key of what is no array")
        return array.get(array_key(self._key(key[0])))

    def _key(self, node: Node) -> Value:
        """Return a key; inside a string, `$a[name]` has it without quotes."""
        parent = node.parent
        if node.type == "name" and parent is not None and parent.parent is not None:
            outer = parent.parent.type
            previous = parent.prev_sibling
            if outer in ("encapsed_string", "heredoc_body") and (
                previous is None or previous.type != "{"
            ):
                return self._text(node)
        return self.value(node)

    def _from_environment(self, name: bytes) -> bytes | None:
        value = self._environ.get(name.decode("utf-8", "surrogateescape"))
        return None if value is None else value.encode("utf-8", "surrogateescape")

    def _unary(self, node: Node) -> Value:
        operator = node.children[0].type
        value = self.value(parts(node)[-1])
        match operator:
            case "!":
                return not truth(value)
            case "-" | "+":
                return negative(value) if operator == "-" else negative(negative(value))
            case _:
                raise NotData(line(node), f"the operator {operator}")

    def _binary(self, node: Node) -> Value:
        operator = field(node, "operator").type
        left, right = field(node, "left"), field(node, "right")
        if operator == "??":
            found = self._or_null(left)
            return self.value(right) if found is None else found
        if operator in ("&&", "and"):
            return truth(self.value(left)) and truth(self.value(right))
        if operator in ("||", "or"):
            return truth(self.value(left)) or truth(self.value(right))
        return binary(operator, self.value(left), self.value(right))

    def _or_null(self, node: Node) -> Value:
        """Return a value; a variable that is not set is null, as for `??`."""
        self._lenient += 1
        try:
            return self.value(node)
        finally:
            self._lenient -= 1

    def _conditional(self, node: Node) -> Value:
        condition = self.value(field(node, "condition"))
        body = node.child_by_field_name("body")
        if truth(condition):
            return condition if body is None else self.value(body)
        return self.value(field(node, "alternative"))

    def _cast(self, node: Node) -> Value:
        kind = self._text(field(node, "type")).decode("ascii", "replace")
        return cast(kind, self.value(field(node, "value")))

    def _call(self, node: Node) -> Value:
        name = self._called(node)
        arguments = self._arguments(node)
        match name, arguments:
            case "getenv", [variable, *_]:
                found = self._from_environment(to_bytes(variable))
                return False if found is None else found
            case "defined", [constant]:
                return to_bytes(constant) in self._constants
            case "dirname", [path]:
                return to_bytes(path).rstrip(b"/").rpartition(b"/")[0] or b"/"
            case _:
                raise NotData(line(node), f"a call of {name}()")

    # Names

    def _called(self, node: Node) -> str:
        target = field(node, "function")
        if target.type not in ("name", "qualified_name"):
            raise NotData(line(node), "a call of a value")
        return self._text(target).lstrip(b"\\").lower().decode("ascii", "replace")

    def _arguments(self, node: Node) -> list[Value]:
        values: list[Value] = []
        for argument in parts(field(node, "arguments")):
            inner = parts(argument)
            if argument.type != "argument" or len(inner) != 1:
                raise NotData(line(argument), "a named argument")
            values.append(self.value(inner[0]))
        return values

    def _name_of(self, variable: Node) -> bytes:
        inner = parts(variable)
        if len(inner) != 1 or inner[0].type != "name":
            raise NotData(line(variable), "a variable by name")
        return self._text(inner[0])

    def _text(self, node: Node) -> bytes:
        return self._source[node.start_byte : node.end_byte]

    _GIVE: ClassVar[Mapping[str, Callable[[Any, Node], Value]]] = {
        "array_creation_expression": _array,
        "string": _single_quoted,
        "encapsed_string": _double_quoted,
        "heredoc": _heredoc,
        "nowdoc": _heredoc,
        "integer": _integer,
        "float": _float,
        "boolean": _boolean,
        "null": _null,
        "parenthesized_expression": _only,
        "error_suppression_expression": _only,
        "name": _constant,
        "qualified_name": _constant,
        "class_constant_access_expression": _class_constant,
        "variable_name": _variable,
        "subscript_expression": _subscript,
        "unary_op_expression": _unary,
        "binary_expression": _binary,
        "conditional_expression": _conditional,
        "cast_expression": _cast,
        "function_call_expression": _call,
    }
