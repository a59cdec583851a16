"""Masks the secrets of configuration files, so that a comparison can be shown.

The text is read as PHP or JSON word by word and never as data: a broken file is masked as well as a
sound one. It owns which keys hold secrets. A secret equal on both sides is shown as `****`, another
as `**** (now)` or `**** (then)`, so that a change is still seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

MASK: Final = "****"
_KEYS: Final = 32  # of the brackets around a secret, by which it is told from others
_FILES: Final = re.compile(
    rb"app/etc/[^/]*\.(?:php|json|ya?ml|ini|env)[^/]*|(?:.*/)?(?:auth\.json|\.env)[^/]*", re.DOTALL
)
_SECRET: Final = re.compile(
    r"pass|pwd|secret|token|key|crypt|salt|credential|auth|private|cert|dsn|cookie|signature"
    r"|license|webhook|nonce|bearer|sasl|http-basic",
    re.IGNORECASE,
)
# Keys of a deployment configuration that the words above would catch, and that tell nothing.
_PLAIN: Final = frozenset(
    {
        "key_prefix", "id_prefix", "lock_key", "cookie_lifetime", "cookie_path", "cookie_domain",
        "force_html_cache_keys", "cache_keys", "primary_key", "use_key", "login_as_customer",
    }
)  # fmt: skip
_URL: Final = re.compile(r"(?<=://)[^/?#\s'\"]*@")
# Each text is gone through once, from the beginnings of words on: who writes the file may want the
# comparison to take for ever.
_INSIDE: Final = re.compile(
    r"(?i)(?<![\w-])(?=[\w-]*?(?:pass|pwd|secret|token|api_?key|auth))[\w-]*+\s*+[=:]"
)
_WORD: Final = re.compile(r"\S+")
_LAST_DIGIT: Final = re.compile(r".*\d", re.DOTALL)
_LAST_LETTER: Final = re.compile(r".*[A-Za-z]", re.DOTALL)
_RANDOM: Final = re.compile(r"[A-Za-z0-9+/=_.:~-]{24,}")
_HARMLESS: Final = re.compile(r"[A-Za-z]+(?:[\\/._-]+[A-Za-z0-9]+)+|(?:\d{1,3}\.){3}\d{1,3}")
_TOKENS: Final = re.compile(
    r"""(?P<comment>\#(?!\[)[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z)|<!--.*?(?:-->|\Z))
       |(?P<here><<<[ \t]*(?P<q>['"]?)(?P<tag>\w+)(?P=q)\n.*?(?:\n[ \t]*(?P=tag)\b|\Z))
       |(?P<text>'(?:\\.|[^'\\])*(?:'|\Z)|"(?:\\.|[^"\\])*(?:"|\Z))
       |(?P<arrow>=>|:)
       |(?P<word>\$?[\w.+-]+)
       |(?P<mark>[\[\](){},;=])""",
    re.VERBOSE | re.DOTALL,
)


class _Place(NamedTuple):
    """A secret in a text, and its identity: its keys and its value."""

    begin: int
    end: int
    name: tuple[str, ...]


class _Level(NamedTuple):
    """The state of the scan inside one pair of brackets."""

    keys: tuple[str, ...]
    is_secret: bool


def holds_secrets(path: bytes) -> bool:
    """Tell whether this member is a configuration file whose secrets are masked."""
    return _FILES.fullmatch(path) is not None


def masked(then: str, now: str) -> tuple[str, str]:
    """Return both sides of a configuration file without their secrets."""
    places_then, places_now = _places(then), _places(now)
    known_then = {place.name for place in places_then}
    known_now = {place.name for place in places_now}
    return (
        _without(then, places_then, known_now, "then"),
        _without(now, places_now, known_then, "now"),
    )


def _without(text: str, places: list[_Place], other: set[tuple[str, ...]], side: str) -> str:
    pieces, at = [], 0
    for begin, end, name in places:
        pieces += [text[at:begin], MASK if name in other else f"{MASK} ({side})"]
        at = end
    return "".join([*pieces, text[at:]])


def _is_secret(key: str) -> bool:
    return key.lower() not in _PLAIN and _SECRET.search(key) is not None


class _Scan:
    """One text, word by word."""

    def __init__(self, text: str) -> None:
        self.places: list[_Place] = []
        self._text = text
        self._is_php = "<?" in text  # a colon has another meaning there
        self._levels = [_Level((), False)]
        self._key = ""  # of the value that comes
        self._last = ""  # the last text or word, which an arrow makes a key
        self._chain: list[str] = []  # `['db']['password']` before an equals sign
        self._pending: tuple[int, int, str] | None = None  # the last text, if it is no key

    @property
    def _level(self) -> _Level:
        return self._levels[-1]

    def run(self) -> list[_Place]:
        for token in _TOKENS.finditer(self._text):
            kind = token.lastgroup
            if kind in {"q", "tag"}:
                kind = "here"
            self._take(kind or "", token)
        self._flush()
        return self.places

    def _take(self, kind: str, token: re.Match[str]) -> None:
        if kind == "comment":
            self._comment(token)
        elif kind == "arrow":
            if token[0] == "=>" or not self._is_php:
                self._become_key(self._last)
        elif kind == "mark":
            self._mark(token[0])
        else:
            self._flush()
            begin, end = token.span()
            if kind == "text":
                begin, end = begin + 1, end - (token[0][-1:] == token[0][0] and len(token[0]) > 1)
            self._pending = (begin, end, kind)
            self._last = self._text[begin:end]

    def _comment(self, token: re.Match[str]) -> None:
        if _SECRET.search(token[0]) and re.search(r"[=:]", token[0]):
            self._mask(token.start() + 2, token.end(), "a comment")

    def _become_key(self, name: str) -> None:
        self._pending = None
        self._key = name

    def _mark(self, mark: str) -> None:
        if mark == "=":
            self._become_key(next(filter(_is_secret, (*self._chain, self._last)), self._last))
            self._chain.clear()
            return
        if mark == "]" and self._pending is not None and self._pending[2] == "text":
            self._chain.append(self._last)
        if mark in ",;":
            was = self._last if self._in_call() else ""
            self._flush()
            self._key = was if _is_secret(was) and " " not in was else ""
            self._chain.clear()
        elif mark in "[({":
            self._flush()
            keys = (*self._level.keys, self._key)[-_KEYS:]
            self._levels.append(_Level(keys, self._level.is_secret or _is_secret(self._key)))
            self._key = ""
        else:
            self._flush()
            if len(self._levels) > 1:
                self._key = self._levels.pop().keys[-1]

    def _in_call(self) -> bool:
        return self._pending is not None and len(self._levels) > 1 and not self._key

    def _flush(self) -> None:
        """Mask the last text where it is a secret."""
        if self._pending is None:
            return
        begin, end, kind = self._pending
        self._pending = None
        value = self._text[begin:end]
        if not value or value.lower() in {"true", "false", "null", "array", "return", "getenv"}:
            return
        if self._level.is_secret or _is_secret(self._key):
            self._mask(begin, end, self._key)
        elif kind != "word":
            self._inside(begin, value)

    def _inside(self, begin: int, value: str) -> None:
        """Mask values that look like secrets under keys with ordinary names."""
        if _INSIDE.search(value):
            self._mask(begin, begin + len(value), self._key)
            return
        for found in _URL.finditer(value):
            self._mask(begin + found.start(), begin + found.end() - 1, self._key)
        for start, end in _random(value):
            self._mask(begin + start, begin + end, self._key)

    def _mask(self, begin: int, end: int, key: str) -> None:
        if self.places and begin < self.places[-1].end:
            return
        name = (*self._level.keys, key, self._text[begin:end])
        self.places.append(_Place(begin, end, name))


def _random(value: str) -> Iterator[tuple[int, int]]:
    """Yield where long pieces with letters and digits in or behind them are, by begin and end."""
    for word in _WORD.finditer(value):
        digit, letter = _LAST_DIGIT.match(word[0]), _LAST_LETTER.match(word[0])
        if digit is None or letter is None:
            continue
        last = word.start() + min(digit.end(), letter.end())
        for found in _RANDOM.finditer(value, word.start(), word.end()):
            if found.start() < last and not _HARMLESS.fullmatch(found[0]):
                yield found.span()


def _places(text: str) -> list[_Place]:
    return _Scan(text).run()


def secrets_in(texts: Iterable[str]) -> set[str]:
    """Return the values that `masked` hides, for tests."""
    return {place.name[-1] for text in texts for place in _places(text)}
