"""Text that reads and compresses like the source code of a store.

Every file gets its own name and a random choice of prepared passages, so that making 100,000
files costs little more than writing them.
"""

from __future__ import annotations

import random
from typing import Final

_VOCABULARY: Final = (
    "product price stock quote order customer address shipment invoice payment category rule "
    "index view layout block template model resource collection factory repository interface "
    "config scope store website attribute option value label tax rate discount coupon session "
    "request response action result plugin observer event listener cache queue message consumer"
)
_WORDS: Final = tuple(_VOCABULARY.split())
_PASSAGES: Final = 160


def words(rng: random.Random, count: int) -> list[str]:
    """Return `count` capitalized words."""
    return [word.capitalize() for word in rng.choices(_WORDS, k=count)]


def _method(rng: random.Random) -> str:
    name = "".join(words(rng, 3))
    first, second, third = rng.choices(_WORDS, k=3)
    lines = [
        "    /**",
        f"     * Return the {first} of the {second} for this {third}.",
        "     *",
        f"     * @param {first.capitalize()}Interface ${first}",
        f"     * @return {rng.choice(('int', 'string', 'array', 'bool', 'float'))}",
        "     */",
        f"    public function get{name}({first.capitalize()}Interface ${first})",
        "    {",
    ]
    for _ in range(rng.randint(2, 9)):
        key, other = rng.choices(_WORDS, k=2)
        lines.append(f"        ${key} = $this->{other}->get('{key}_{rng.randrange(900)}');")
    lines += [f"        return ${first};", "    }", ""]
    return "\n".join(lines)


class SourceText:
    """A source of file contents, the same for the same `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._methods = [_method(rng) for _ in range(_PASSAGES)]
        prose = [" ".join(rng.choices(_WORDS, k=14)) + "." for _ in range(_PASSAGES)]
        self._prose = prose
        self._items = [
            f'    <item name="{row[:24].replace(" ", "_")}">{row}</item>' for row in prose
        ]
        self._scripts = [f"    // {row}\n    define('{row[:20]}');" for row in prose]

    def length(self) -> int:
        """Return a length in bytes as source files have it: mostly one or two KiB, rarely 100."""
        return min(120_000, int(self._rng.lognormvariate(7.4, 1.25)))

    def _fill(self, start: str, passages: list[str], end: str, length: int) -> bytes:
        parts, left = [start], length - len(start)
        while left > 0:
            passage = self._rng.choice(passages)
            parts.append(passage)
            left -= len(passage) + 1
        parts.append(end)
        return "\n".join(parts).encode()

    def php(self, namespace: str, name: str, length: int) -> bytes:
        """Return a class of about `length` bytes."""
        start = (
            "<?php\n/**\n * Part of the sample store.\n */\ndeclare(strict_types=1);\n\n"
            f"namespace {namespace};\n\nclass {name}\n{{"
        )
        return self._fill(start, self._methods, "}\n", length)

    def xml(self, name: str, length: int) -> bytes:
        """Return a configuration file of about `length` bytes."""
        start = f'<?xml version="1.0"?>\n<config xmlns:xsi="urn:sample" name="{name}">'
        return self._fill(start, self._items, "</config>\n", length)

    def script(self, name: str, length: int) -> bytes:
        """Return a JavaScript or style file of about `length` bytes."""
        return self._fill(f"/* {name} */", self._scripts, "", length)

    def prose(self, name: str, length: int) -> bytes:
        """Return a text of about `length` bytes."""
        return self._fill(f"# {name}\n", self._prose, "", length)
