"""A place in the words of one statement, and the small questions that a grammar asks there.

Every question either takes words that are allowed or raises StatementRefused with the line and the
word. Nothing is passed over: a grammar that has come to the end has seen each word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from core.database.server.dialect import one_line
from core.database.sql.tokens import Mark, Reading, Token, tokens
from core.database.sql.vocabulary import RESERVED
from core.errors import StatementRefused

MOST_NESTED: Final = 100
BY_HAND: Final = (
    "Only in a backup of magerewind with its manifest are bodies taken as they are."
    " Take it out of this dump, and make it by hand afterwards."
)
_NUMBER: Final = re.compile(rb"[0-9]+(?:[eE][0-9]*)?|0[xX][0-9a-fA-F]+|0[bB][01]+")
_INTRODUCER: Final = re.compile(rb"_[a-z0-9]+|[nxb]", re.IGNORECASE)


class Cursor:
    """The words of a statement and how far they are read.

    `called` gathers the functions that are no server's own, by their names in lower case. `what`
    begins each refusal behind the line.
    """

    def __init__(
        self, words: Sequence[Token], *, text: bytes, line: int, schema: str | None, at: int = 0
    ) -> None:
        self.words, self.text, self.line, self.schema = words, text, line, schema
        self.at = at
        self.depth = 0
        self.called: set[str] = set()
        self.what = f"'{_start(words)} ...'"
        self.hint = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.words)

    @property
    def token(self) -> Token:
        """The next word; refuses the end."""
        if self.done:
            self.refuse("it ends too early")
        return self.words[self.at]

    def peek(self, ahead: int = 0) -> bytes:
        """Return a word in capitals, a sign, or nothing for a quoted token and for the end."""
        at = self.at + ahead
        return self.words[at].upper if at < len(self.words) else b""

    def peeks(self, *wanted: bytes) -> bool:
        """Whether exactly these words follow."""
        return all(self.peek(ahead) == word for ahead, word in enumerate(wanted))

    def accept(self, *choices: bytes) -> bool:
        """Take the next word if it is one of these."""
        if not self.done and self.words[self.at].upper in choices:
            self.at += 1
            return True
        return False

    def accept_all(self, *wanted: bytes) -> bool:
        """Take these words if exactly they follow."""
        if not self.done and self.peeks(*wanted):
            self.at += len(wanted)
            return True
        return False

    def expect(self, *wanted: bytes) -> None:
        """Take exactly these words."""
        for word in wanted:
            if not self.accept(word):
                self.refuse_word(f"where {word.decode()} is expected")

    def end(self) -> None:
        """Refuse any rest."""
        if not self.done:
            self.refuse_word()

    def refusal(self, why: str) -> StatementRefused:
        """Return the error that says why this statement is not run."""
        return StatementRefused(
            f"Line {self.line}: {self.what} is not run: {why}.", hint=self.hint or None
        )

    def refuse(self, why: str) -> NoReturn:
        """Raise StatementRefused."""
        raise self.refusal(why)

    def refuse_word(self, where: str = "") -> NoReturn:
        """Refuse the next word, which no rule allows at its place."""
        if self.done:
            self.refuse("it ends too early")
        word = one_line(self.token.text.decode("utf-8", "replace"), limit=40)
        self.refuse(f"{word} is not allowed there" + (f", {where}" if where else ""))

    def foreign(self, schema: str) -> NoReturn:
        """Refuse the name of another schema."""
        name = one_line(schema)
        hint = (
            f"If the dump was made of '{name}', --from-schema {name} takes that name for the"
            " store's schema. Or make it without --databases, so that its names stand alone."
        )
        said = f"a statement about another schema, '{name}'"
        if self.hint:
            said = f"{self.what} reaches into another schema, '{name}'"
            hint += f" {self.hint}"
        raise StatementRefused(f"Line {self.line}: {said}.", hint=hint)

    def is_name(self) -> bool:
        """Whether the next word can be a name."""
        if self.done or not self.words[self.at].is_name:
            return False
        word = self.words[self.at]
        return word.mark is Mark.NAME or not (
            word.upper in RESERVED or _NUMBER.fullmatch(word.text)
        )

    def at_window(self) -> bool:
        """Whether a WINDOW clause follows: the word is a name on some servers."""
        return self.peek() == b"WINDOW" and self.peek(2) == b"AS" and self.peek(3) == b"("

    def name(self) -> str:
        """Take an unqualified name."""
        if not self.is_name():
            self.refuse_word("where a name is expected")
        return self._take().name

    def own(self, *, reserved: bool = False) -> str:
        """Take the name of something in our schema, with or without the schema before it."""
        name = self._take().name if reserved and self.token.is_name else self.name()
        if self.accept(b"."):
            if not self.is_own(name):
                self.foreign(name)
            if not self.token.is_name:
                self.refuse_word("where a name is expected")
            name = self._take().name
        if self.peek() == b".":
            self.refuse_word()
        return name

    def is_own(self, schema: str) -> bool:
        """Whether this is the schema that the dump goes into."""
        return self.schema is not None and schema.lower() == self.schema.lower()

    def names(self) -> list[str]:
        """Take names between brackets."""
        self.expect(b"(")
        found = [self.name()]
        while self.accept(b","):
            found.append(self.name())
        self.expect(b")")
        return found

    def is_text(self) -> bool:
        """Whether the next word is a string."""
        return not self.done and self.words[self.at].mark is Mark.TEXT

    def is_text_literal(self) -> bool:
        """Whether a string follows, perhaps behind the name of its character set."""
        at = self.at + 1
        return self.is_text() or (
            at < len(self.words)
            and self.words[at].mark is Mark.TEXT
            and _INTRODUCER.fullmatch(self.token.text) is not None
        )

    def text_literal(self) -> None:
        """Take one string, or more side by side, perhaps with the name of its character set."""
        if self.is_text_literal() and not self.is_text():
            self.at += 1
        if not self.is_text():
            self.refuse_word("where a string is expected")
        while self.is_text():
            self.at += 1

    def is_number(self) -> bool:
        """Whether the next word is a number without a sign."""
        if self.done:
            return False
        if self.peek() == b".":
            return self.peek(1)[:1].isdigit()
        word = self.words[self.at]
        return word.mark is Mark.WORD and _NUMBER.fullmatch(word.text) is not None

    def number(self) -> None:
        """Take a number: 1, 1.5, .5, 1e5, 1.5e-5, 0x41, b1."""
        self.accept(b"+", b"-")
        if not self.is_number():
            self.refuse_word("where a number is expected")
        last = self._take().text if self.peek() != b"." else b"0"
        if self.peek() == b"." and self.peek(1)[:1].isdigit():
            self.at += 1
            last = self._take().text
        elif self.peek() == b".":
            self.at += 1
        if last[-1:] in {b"e", b"E"} and self.accept(b"+", b"-"):  # 1.5e-5
            self._take()

    def nested(self, rule: Callable[[], object]) -> None:
        """Follow a rule one level deeper."""
        self.depth += 1
        if self.depth > MOST_NESTED:
            self.refuse("it is nested too deeply")
        rule()
        self.depth -= 1

    def _take(self) -> Token:
        word = self.token
        self.at += 1
        return word


def _start(words: Sequence[Token]) -> str:
    text = b" ".join(word.text[:60] for word in words[:4]).decode("utf-8", "replace")
    return one_line(text)[:60]


def words_of(text: bytes, line: int, reading: Reading) -> list[Token]:
    """Return the words of a statement whose conditional comments are resolved.

    Refuses text that a server could read otherwise than it is read here: a comment that is left
    open, a conditional one, a hint, a string without end, letters that are no UTF-8.
    """
    found = list(tokens(text, reading))
    for before, word in zip([None, *found], found, strict=False):
        odd = ""
        if word.mark is Mark.SIGN and word.text in {b"'", b'"', b"`", b"\\", b"{", b"}"}:
            odd = word.text.decode()
        elif word.text == b"*" and before is not None and before.text == b"/":
            odd = "/*" if before.end == word.start else ""
        elif word.mark is Mark.WORD and not word.text.isascii() and not reading.is_utf8(word.text):
            odd = one_line(word.text.decode("utf-8", "replace"), limit=40)
        if odd:
            raise StatementRefused(
                f"Line {line}: '{_start(found)} ...' is not run: {odd} is not allowed there."
            )
    if b"/*+" in text or b"/*!" in text or b"/*M!" in text:
        _refuse_hints(text, found, line)
    return found


def _refuse_hints(text: bytes, words: Sequence[Token], line: int) -> None:
    """Refuse a comment that is more than one, between two words."""
    at = 0
    for end, after in [*((word.start, word.end) for word in words), (len(text), 0)]:
        between = text[at:end]
        if b"/*+" in between or b"/*!" in between or b"/*M!" in between:
            raise StatementRefused(
                f"Line {line}: '{_start(words)} ...' is not run: a comment that servers execute."
            )
        at = after
