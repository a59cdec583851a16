# ruff: noqa: E501
"""Statements put together at random from pieces that a dump may hold, and poisoned ones.

Written after the servers' manuals, not after the grammar that it tests.
"""

from __future__ import annotations

import random
import re

MARK = "\x02"
"""A place of an expression in a statement that is poisoned."""
POISONS = (
    "(SELECT v FROM victim.t)", "victim.f(1)", "LOAD_FILE('/etc/passwd')", "SLEEP(1)",
    "`victim`.`f`()", "(SELECT 1 FROM t, victim . t)", "BENCHMARK(1,1)", "NEXT VALUE FOR victim.s",
    "@@datadir", "(SELECT 1 INTO OUTFILE 'x')", "{fn f()}", "GET_LOCK('a',1)",
)  # fmt: skip


class Pieces:
    """A generator of statements over the tables t, u, x with a column a."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.depth = 0

    def one(self, *choices):
        """Return one of these, made if it is a function."""
        chosen = self.chance.choice(choices)
        return chosen() if callable(chosen) else chosen

    def many(self, make, least=1, most=3, between=", "):
        return between.join(make() for _ in range(self.chance.randint(least, most)))

    def statement(self):
        """Return a whole statement of a dump."""
        self.depth = 0
        made = self.one(self.rows, self.table, self.view, self.trigger, self.procedure, self.event)
        return self.spaced(made).replace(MARK, "")

    def poisoned(self):
        """Return a statement with one thing in it that no dump may hold."""
        while True:
            self.depth = 0
            make = self.chance.choice(
                [self.rows, self.table, self.view, self.trigger, self.procedure, self.event]
            )
            made = make()
            places = [found.start() for found in re.finditer(MARK, made)]
            if not places:
                continue
            at = self.chance.choice(places)
            poison = self.chance.choice(POISONS)
            made = made[:at] + poison + (", " if make == self.rows else " + ") + made[at:]
            return made.replace(MARK, "")

    def spaced(self, text):
        """Put comments and other blanks between words, outside of strings."""
        pieces = re.split(r"('(?:[^'\\]|\\.)*'|`[^`]*`|/\*!.*?\*/)", text)
        blanks = [" ", "  ", "\n", "\t", " /* it's; */ ", " -- it's\n", " # `\n"]
        if text.startswith(("INSERT", "REPLACE")):  # as programs write them
            blanks = [" ", " ", "\n"]
        return "".join(
            piece if n % 2 else re.sub(" ", lambda _: self.chance.choice(blanks), piece)
            for n, piece in enumerate(pieces)
        )

    def literal(self):
        return self.one(
            "1", "-1", "1.5", ".5", "1e5", "-1.5E-3", "0x4142", "x'4142'", "b'101'", "NULL", "TRUE",
            "'it''s'", "'a\\'b'", "'/* no */'", "'-- no'", "''", "_binary 'x'", "_utf8mb4'é'", "N'a'",
            "'a' 'b'", "0",
        )  # fmt: skip

    def rows(self):
        head = self.one("INSERT INTO", "INSERT IGNORE INTO", "REPLACE INTO", "insert into")
        table = self.one("t", "`t`", "shop.t", "`shop`.`t`")
        columns = self.one("", " (a)", " (`a`, `b`)", " ()")
        end = self.one("", "", " ON DUPLICATE KEY UPDATE `a` = VALUES(`a`)")
        return f"{head} {table}{columns} VALUES {self.many(self.row, 1, 4)}{end}"

    def row(self):
        return f"({MARK}{self.many(self.value, 1, 4)})"

    def value(self):
        return self.one(
            self.literal, self.literal, self.literal, "DEFAULT", "NOW()", "CURRENT_TIMESTAMP",
            "FROM_BASE64('YQ==')", "UNHEX('61')", "ST_GeomFromText('POINT(1 1)', 4326)",
            "CONVERT('{}' USING UTF8MB4)", "CONVERT(b'1', UNSIGNED)", "CAST('1' AS DECIMAL(10,2))",
            "GeomFromText('POINT(1 1)', SRID(`g`))", "DATE '2020-01-01'", "UUID()",
            "CONCAT('a', UNHEX('61'))", "CAST(x'61' AS CHAR CHARACTER SET utf8mb4)",
            "DATE_ADD(NOW(), INTERVAL 1 DAY)",
        )  # fmt: skip

    def expression(self, *, query=True):
        self.depth += 1
        leaves = ["a", "t.a", "`t`.`a`", self.literal, self.literal, "@x", "NOW()", "CURRENT_USER"]
        forms = [
            lambda: f"({self.expression(query=query)})",
            lambda: f"{self.expression(query=query)} {self.one('+', '-', '*', '/', 'AND', 'OR', '=', '<=>', '<>', 'LIKE', 'DIV', 'XOR', '||', 'IS NOT', 'REGEXP')} {self.expression(query=query)}",
            lambda: f"IF({self.expression(query=query)}, {self.expression(query=query)}, NULL)",
            lambda: f"CONCAT({self.expression(query=query)}, 'x')",
            lambda: f"CASE WHEN {self.expression(query=query)} THEN 1 ELSE {self.expression(query=query)} END",
            lambda: f"CASE {self.expression(query=query)} WHEN 1 THEN 2 END",
            lambda: f"CAST({self.expression(query=query)} AS {self.one('CHAR(10)', 'SIGNED', 'DECIMAL(10,2)', 'DATE', 'CHAR CHARACTER SET utf8mb4')})",
            lambda: f"NOT {self.expression(query=query)}",
            lambda: f"{self.expression(query=query)} IN (1, {self.expression(query=query)})",
            lambda: f"{self.expression(query=query)} BETWEEN 1 AND {self.expression(query=query)}",
            lambda: f"DATE_ADD(a, INTERVAL {self.expression(query=query)} {self.one('DAY', 'YEAR_MONTH', 'HOUR')})",
            lambda: f"EXTRACT(YEAR FROM {self.expression(query=query)})",
            lambda: f"TRIM(LEADING '0' FROM {self.expression(query=query)})",
            lambda: f"SUBSTRING({self.expression(query=query)} FROM 1 FOR 2)",
            lambda: f"POSITION('a' IN {self.expression(query=query)})",
            lambda: f"COALESCE({self.expression(query=query)}, 1)",
            lambda: f"{self.expression(query=query)} COLLATE utf8mb4_bin",
            lambda: f"LEFT({self.expression(query=query)}, 3)",
            lambda: f"CONVERT({self.expression(query=query)} USING utf8mb4)",
            lambda: "JSON_UNQUOTE(JSON_EXTRACT(a, '$.x'))",
        ]  # fmt: skip
        if query:
            forms += [
                lambda: f"({self.query()})",
                lambda: f"a IN ({self.query()})",
                lambda: f"EXISTS ({self.query()})",
                lambda: "GROUP_CONCAT(DISTINCT a ORDER BY a DESC SEPARATOR ', ')",
                lambda: "COUNT(*)",
                lambda: "SUM(a) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
                lambda: "shop.f(1)",
                lambda: "MATCH (a, b) AGAINST ('x' IN BOOLEAN MODE)",
            ]  # fmt: skip
        made = self.one(*leaves) if self.depth > 4 else self.one(*leaves, *forms)
        self.depth -= 1
        return MARK + made

    def query(self):
        self.depth += 1
        text = f"SELECT {self.one('', 'DISTINCT ')}{self.many(self.selected)}"
        if self.chance.random() < 0.8:
            text += f" FROM {self.tables()}"
            text += self.one("", lambda: f" WHERE {self.expression()}")
            text += self.one(
                "", "", lambda: f" GROUP BY {self.expression()} HAVING {self.expression()}"
            )
            text += self.one("", "", lambda: f" ORDER BY {self.expression()} DESC LIMIT 1")
        if self.depth < 3:
            text += self.one("", "", lambda: f" UNION ALL {self.query()}")
        self.depth -= 1
        return text

    def selected(self):
        return self.expression() + self.one("", " AS x", " AS `y`", " z")

    def tables(self):
        self.depth += 1
        made = self.one("t", "`u`", "shop.x", "`shop` . `t`")
        if self.depth < 4:
            made = self.one(made, lambda: f"({self.query()}) q", lambda: f"({self.tables()})")
        if self.depth < 4 and self.chance.random() < 0.5:
            join = self.one("JOIN", "LEFT JOIN", "INNER JOIN", "RIGHT OUTER JOIN")
            made = f"{made} {join} {self.tables()} ON {self.expression()}"
        elif self.depth < 4:
            made += self.one("", lambda: f", {self.tables()}")
        self.depth -= 1
        return made

    def table(self):
        columns = self.many(self.column, 1, 4)
        keys = self.one("", ", PRIMARY KEY (`a`)", ", KEY `k` (`a`(3) DESC) USING BTREE COMMENT 'it''s'",
                        ", UNIQUE KEY u (a)", ", CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `t` (`a`)"
                        " ON DELETE CASCADE ON UPDATE NO ACTION", ", FULLTEXT KEY (a)",
                        lambda: f", CONSTRAINT c CHECK ({self.expression(query=False)})")  # fmt: skip
        options = self.one("", " ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COMMENT='x'",
                           " ENGINE=MyISAM ROW_FORMAT=DYNAMIC COLLATE utf8mb4_bin",
                           " ENGINE=InnoDB /*!50100 PARTITION BY HASH (a) PARTITIONS 2 */")  # fmt: skip
        return f"CREATE TABLE {self.one('n', '`n`', 'shop.n')} ({columns}{keys}){options}"

    def column(self):
        kind = self.one("int(11) unsigned", "varchar(99) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                        "decimal(10,2)", "enum('a','b')", "timestamp", "text", "double", "json")  # fmt: skip
        name = f"`c{self.chance.randrange(10**6)}`"
        said = self.one(" NOT NULL", " NULL DEFAULT NULL", " DEFAULT 'x' COMMENT 'it''s'", " DEFAULT 0",
                        " NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()",
                        lambda: f" DEFAULT ({self.expression(query=False)})",
                        lambda: f" GENERATED ALWAYS AS ({self.expression(query=False)}) STORED",
                        " /*!80023 INVISIBLE */")  # fmt: skip
        return f"{name} {kind}{said}"

    def view(self):
        head = self.one(
            "", "OR REPLACE ", "ALGORITHM=UNDEFINED DEFINER=`a`@`%` SQL SECURITY DEFINER "
        )
        return f"CREATE {head}VIEW {self.one('v', 'shop.v', '`v`')} AS {self.query()}"

    def trigger(self):
        when = f"{self.one('BEFORE', 'AFTER')} {self.one('INSERT', 'UPDATE', 'DELETE')}"
        return f"CREATE TRIGGER `g` {when} ON {self.one('t', '`shop`.`t`')} FOR EACH ROW {self.block()}"

    def procedure(self):
        return f"CREATE PROCEDURE `p`(IN q int, OUT r varchar(9)) COMMENT 'x' {self.block()}"

    def event(self):
        return (
            f"CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01 00:00:00' ON COMPLETION NOT"
            f" PRESERVE ENABLE COMMENT 'x' DO {self.block()}"
        )

    def block(self):
        self.depth += 1
        declared = self.one("", lambda: f"DECLARE d int DEFAULT {self.expression()}; ")
        made = f"BEGIN {declared}{self.many(self.inner, 1, 3, ' ')} END"
        self.depth -= 1
        return made

    def inner(self):
        self.depth += 1
        forms = [
            lambda: f"SET @x = {self.expression()}",
            lambda: f"SELECT {self.expression()} INTO @y FROM t",
            lambda: f"INSERT IGNORE INTO `u` (a) VALUES ({self.expression()})",
            lambda: f"INSERT INTO u {self.query()}",
            lambda: f"UPDATE {self.tables()} SET a = {self.expression()} WHERE {self.expression()}",
            lambda: f"DELETE FROM t WHERE {self.expression()} LIMIT 1",
            lambda: f"DELETE t FROM t JOIN u ON {self.expression()}",
            lambda: f"CALL p({self.expression()})",
            lambda: f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {self.expression()}",
        ]
        if self.depth < 4:
            forms += [
                lambda: f"IF {self.expression()} THEN {self.inner()} ELSE {self.inner()} END IF",
                lambda: f"WHILE {self.expression()} DO {self.inner()} END WHILE",
                lambda: f"REPEAT {self.inner()} UNTIL {self.expression()} END REPEAT",
                lambda: f"l: LOOP {self.inner()} LEAVE l; END LOOP l",
                lambda: f"CASE {self.expression()} WHEN 1 THEN {self.inner()} END CASE",
                self.block,
            ]
        made = self.one(*forms)
        self.depth -= 1
        return made + ";"
