"""The fields of a struct with their annotations as text, which are never evaluated."""

from __future__ import annotations

from msgspec import Struct


def field_types(cls: type[Struct]) -> dict[str, str]:
    """Return the annotation of each field by its name, in the order of the fields.

    `msgspec.structs.fields` evaluates annotations, and so needs modules that only they name.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= getattr(base, "__annotations__", {})
    return {name: str(found[name]) for name in cls.__struct_fields__}
