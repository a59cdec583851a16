"""Patterns of paths given by the user: their matches, the directories above, and the errors.

It owns their form (whole paths below the root, `*`, `?`, `**`, `[*]` and `[?]` for these
characters themselves, groups such as `@media-cache`) and the tests that are made of them. It knows
nothing of a store, and looks at no file.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

from core.errors import UsageError

EXCLUDE_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "@media-cache": (
        "pub/media/catalog/product/cache",
        "pub/media/wysiwyg/.thumbs*",
        "pub/media/.thumbs*",
    ),
    "@tmp": (
        "pub/media/tmp",
        "pub/media/*/tmp",
        "pub/media/import",
        "pub/media/captcha",
    ),
    "@node_modules": ("**/node_modules",),
    "@generated": ("generated/code", "generated/metadata"),
}
"""Names for patterns of many stores; `--exclude @media-cache` becomes its patterns."""

_ANY: Final = b"**"
_WILD: Final = re.compile(rb"[*?]")
_QUOTED: Final = re.compile(rb"\[([*?\[])\]")
_SHOWN: Final = 80  # letters of a wrong pattern
_DEEPEST: Final = 1000  # components of a pattern: each one above it is looked for
_FEW: Final = 32  # literal paths that one regular expression finds as fast as a set does

Test = Callable[[bytes], bool]


def components(text: str, option: str = "An exclusion") -> list[bytes]:
    """Return the components of a pattern. Raises UsageError where nothing can match."""
    parts = [part for part in os.fsencode(text).split(b"/") if part not in {b"", b"."}]
    if not parts or b".." in parts:
        raise UsageError(
            f"{option} is a path below the root, or a group such as @media-cache, not "
            f"{text[:_SHOWN]!r}."
        )
    if len(parts) > _DEEPEST:
        raise UsageError(f"{option} has at most {_DEEPEST:,} components.")
    return parts


def is_literal(text: str) -> bool:
    """Return whether a pattern matches one path and everything below it."""
    return not _has_wildcard(os.fsencode(text))


def _has_wildcard(pattern: bytes) -> bool:
    return _WILD.search(_QUOTED.sub(b"", pattern)) is not None


def quoted(path: str) -> str:
    """Return the pattern that matches exactly this path and everything below it."""
    text = re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", path)
    return f"./{text}" if text.startswith("@") else text


def _literal(parts: list[bytes]) -> bytes:
    """Return the path that a pattern without wildcards names."""
    return b"/".join(_QUOTED.sub(rb"\1", part) for part in parts)


def _component(part: bytes) -> bytes:
    out, at = b"", 0
    for found in re.finditer(rb"\[([*?\[])\]|[*?]", part):
        out += re.escape(part[at : found.start()])
        out += re.escape(found[1]) if found[1] else (b"[^/]*" if found[0] == b"*" else b"[^/]")
        at = found.end()
    return out + re.escape(part[at:])


def _expression(parts: list[bytes]) -> bytes:
    r"""Return a whole-path pattern as a regular expression.

    `*` and `?` stay inside a component, `**` matches any number of components; at the end it
    matches everything below.
    """
    out: list[bytes] = []
    for at, part in enumerate(parts):
        if part != _ANY:
            out.append(_component(part) + b"/")
        elif at == 0 or parts[at - 1] != _ANY:  # several are no more than one
            out.append(rb"(?:[^/]+/)*")
    if parts[-1] == _ANY:
        out.append(_component(b"*") + b"/")
    return b"".join(out).removesuffix(b"/")


def resolve(
    words: Sequence[str], *, option: str = "An exclusion", what: str = "exclusion"
) -> tuple[str, ...]:
    """Return the patterns of these words, in one spelling, each once.

    Raises UsageError, which begins with `option`, for a pattern that is no path below a root, and
    for an unknown group.
    """
    patterns: list[str] = []
    for word in words:
        if word.startswith("@"):
            if word not in EXCLUDE_GROUPS:
                known = ", ".join(EXCLUDE_GROUPS)
                raise UsageError(f"There is no {what} {word}; the groups are {known}.")
            patterns.extend(EXCLUDE_GROUPS[word])
        else:
            text = os.fsdecode(b"/".join(components(word, option)))
            patterns.append(f"./{text}" if text.startswith("@") else text)
    return tuple(dict.fromkeys(patterns))


def below_any(paths: Collection[bytes], patterns: Sequence[str]) -> Test | None:
    """Return the test whether a path is one of these or matches one, itself or above it.

    None where there are none.
    """
    literal = {*paths, *(_literal(components(text)) for text in patterns if is_literal(text))}
    wild = [_expression(components(text)) for text in patterns if not is_literal(text)]
    if len(literal) <= _FEW:
        parts = [*(re.escape(path) for path in sorted(literal)), *wild]
        return _match(parts) if parts else None
    matches = _match(wild) if wild else None

    def test(path: bytes) -> bool:
        if path in literal:
            return True
        at = path.find(b"/")
        while at > 0:
            if path[:at] in literal:
                return True
            at = path.find(b"/", at + 1)
        return matches is not None and matches(path)

    return test


def _match(expressions: Sequence[bytes]) -> Test:
    match = re.compile(rb"(?:" + rb"|".join(expressions) + rb")(?:/|\Z)", re.DOTALL).match
    return lambda path: match(path) is not None


class _Way:
    """The directories above the possible matches of a pattern with wildcards."""

    def __init__(self, parts: list[bytes]) -> None:
        self._any_depth = _ANY in parts
        fixed = parts[: parts.index(_ANY)] if self._any_depth else parts[:-1]
        self._tests = [re.compile(_component(part), re.DOTALL).fullmatch for part in fixed]
        literal = itertools.takewhile(lambda part: not _has_wildcard(part), fixed)
        self.beginning = _literal(list(literal))
        """The directory that all of them are in, empty for the root."""

    def leads(self, path: bytes) -> bool:
        names = path.split(b"/")
        if len(names) > len(self._tests) and not self._any_depth:
            return False
        return all(test(name) for test, name in zip(self._tests, names, strict=False))


class Chosen:
    """The paths that patterns choose: each with all below it, and nothing else."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.holds: Test = below_any((), patterns) or (lambda _path: False)
        """Tells whether a path is chosen, itself or by a directory above it."""
        self._above: set[bytes] = set()
        self._ways: list[_Way] = []
        self._lasts: list[bytes] = []
        for text in patterns:
            parts = components(text)
            if is_literal(text):
                self._above.update(_literal(parts[:at]) for at in range(1, len(parts)))
                self._lasts.append(_literal(parts))
            else:
                way = _Way(parts)
                self._ways.append(way)
                self._lasts.append(way.beginning)

    def leads(self, path: bytes) -> bool:
        """Tell whether something below a path may be chosen, but not the path itself."""
        if path in self._above:
            return not self.holds(path)
        return any(way.leads(path) for way in self._ways) and not self.holds(path)

    def reaches(self, path: bytes) -> bool:
        """Tell whether a path is chosen, or something below it may be."""
        return path in self._above or self.holds(path) or any(way.leads(path) for way in self._ways)

    @property
    def beginnings(self) -> tuple[bytes, ...]:
        """The paths below or at which everything chosen is; an empty one is the root."""
        return tuple(self._lasts)

    @property
    def end(self) -> bytes | None:
        """The key of the walk from which on nothing is chosen; None: there may be to the end."""
        if b"" in self._lasts:
            return None
        # A path below another has a NUL behind the key of that one, and what follows its subtree at
        # least this.
        return max(last.replace(b"/", b"\0") + b"\1" for last in self._lasts)
