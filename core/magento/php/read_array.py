"""Reads a PHP file that returns an array, as data: the file is parsed and never executed.

Gives a meaning to the statements that configuration files are written in; everything else raises
`NotData` with its line and kind. Knows nothing of the meaning of the values to Magento.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tree_sitter import Node

from core.magento.php.expressions import PhpExpressions, unusual
from core.magento.php.syntax import NotData, field, last_line, line, not_data, parse, parts
from core.magento.php.values import Array, Value, append, array_key, to_bytes


def parse_array(source: bytes, *, path: str, environ: Mapping[str, str]) -> Array:
    """Return the array that a PHP file returns; raises NotData.

    `path` gives `__FILE__` and `__DIR__`, `environ` gives `getenv()` and `$_ENV`.
    """
    root, text = parse(source)
    try:
        value = _File(text, path, environ).run(root)
    except RecursionError:
        raise NotData(1, "arrays that are nested too deep") from None
    if not isinstance(value, dict):
        raise NotData(last_line(root), "a value that is no array where one is returned")
    return value


class _File(PhpExpressions):
    """One file on its way from statement to statement."""

    def run(self, program: Node) -> Value:
        """Return the value of the file; a file without `return` gives the 1 of PHP's include."""
        for statement in parts(program):
            if statement.type == "return_statement":
                inner = parts(statement)
                return self.value(inner[0]) if inner else None
            step = self._STEP.get(statement.type)
            if step is None:
                raise not_data(statement)
            with unusual(statement):
                step(self, statement)
        return 1

    def _nothing(self, node: Node) -> None:
        """Pass over statements without an effect on a value."""

    def _expression_statement(self, node: Node) -> None:
        for inner in parts(node):
            if inner.type == "assignment_expression":
                self._assign(inner)
            elif inner.type == "function_call_expression" and self._called(inner) == "define":
                arguments = self._arguments(inner)
                if len(arguments) not in (2, 3):
                    raise NotData(line(inner), "a define() without a name and a value")
                self._constants[to_bytes(arguments[0])] = arguments[1]
            elif inner.type not in ("string", "encapsed_string", "integer"):
                raise not_data(inner)

    def _assign(self, node: Node) -> None:
        target = field(node, "left")
        value = self.value(field(node, "right"))
        keys: list[Value | None] = []
        while target.type == "subscript_expression":
            inner = parts(target)
            keys.insert(0, self.value(inner[1]) if len(inner) > 1 else None)
            target = inner[0]
        if target.type != "variable_name":
            raise not_data(target)
        name = self._name_of(target)
        if name in (b"_ENV", b"_SERVER", b"GLOBALS"):
            raise NotData(line(target), f"a change of ${name.decode()}")
        self._variables[name] = self._put(self._variables.get(name), keys, value, node)

    def _put(self, old: Value, keys: list[Value | None], value: Value, node: Node) -> Value:
        """Return `old` with a value put at nested keys; arrays are values in PHP, so a copy."""
        if not keys:
            return value
        if old is not None and not isinstance(old, dict):
            raise NotData(line(node), "a key of what is no array")
        array: Array = dict(old or {})
        first, *rest = keys
        if first is None:
            append(array, self._put(None, rest, value, node))
        else:
            key = array_key(first)
            array[key] = self._put(array.get(key), rest, value, node)
        return array

    def _const(self, node: Node) -> None:
        for element in parts(node):
            if element.type == "const_element":
                name, value = parts(element)
                self._constants[self._text(name)] = self.value(value)

    def _namespace_definition(self, node: Node) -> None:
        if node.child_by_field_name("body") is not None:
            raise NotData(line(node), "a namespace block")
        self._namespace = self._text(parts(node)[0])

    def _use(self, node: Node) -> None:
        for clause in parts(node):
            if clause.type == "namespace_use_clause":
                full, *alias = parts(clause)
                name = self._text(full).lstrip(b"\\")
                short = self._text(alias[0]) if alias else name.rsplit(b"\\", 1)[-1]
                self._imports[short.lower()] = name

    _STEP: ClassVar[Mapping[str, Callable[[Any, Node], None]]] = {
        "php_tag": _nothing,
        "text": _nothing,
        "text_interpolation": _nothing,
        "empty_statement": _nothing,
        "declare_statement": _nothing,
        "expression_statement": _expression_statement,
        "const_declaration": _const,
        "namespace_definition": _namespace_definition,
        "namespace_use_declaration": _use,
    }
