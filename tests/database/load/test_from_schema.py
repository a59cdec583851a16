"""One other name of a schema in a dump: the hint names it, and the option takes it for ours."""

from __future__ import annotations

import pytest

from core.database.load.server_check import check_against_server, check_dump
from core.database.server.connection import connect
from core.database.sql.schema_rename import mapped_schema
from core.database.sql.tokens import Reading
from core.errors import StatementRefused
from tests.database.dumping import as_root
from tests.database.foreign_dumps import MAKERS, NOT_FOR_THE_CLIENT, plain, text_of
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import fill_as_written, roll_back, write

EVERYWHERE = """
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `prod` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;
USE `prod`;
DROP TABLE IF EXISTS `prod`.`t`;
CREATE TABLE `prod`.`t` (id int PRIMARY KEY, prod int);
CREATE TABLE prod.u (id int, CONSTRAINT c FOREIGN KEY (id) REFERENCES `prod`.`t` (id));
LOCK TABLES `prod`.`t` WRITE;
INSERT INTO `prod`.`t` VALUES (1,2),(3,4);
INSERT INTO prod.u (id) VALUES (3);
UNLOCK TABLES;
ALTER DATABASE `prod` CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci ;
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
DELIMITER ;;
CREATE DEFINER=`prod`@`localhost` TRIGGER `prod`.`tr` BEFORE INSERT ON `prod`.`t` FOR EACH ROW
BEGIN INSERT INTO prod.u SELECT `prod`.`t`.`id` FROM `prod`.`t`; SET NEW.prod = 'prod.x'; END;;
CREATE PROCEDURE `prod`.`p`() BEGIN SELECT COUNT(*) FROM `prod`.`t`; CALL prod.q(); END;;
CREATE PROCEDURE `prod`.`q`() SELECT 1;;
DELIMITER ;
CREATE VIEW `prod`.`v` AS SELECT `prod`.`t`.`id` AS `id` FROM `prod`.`t`;
CREATE VIEW `w` AS SELECT prod.id FROM `prod`.`t` AS prod JOIN `prod`.`u` ON prod.id = `prod`.u.id;
"""


def test_it_is_mapped_everywhere(schema, tmp_path):
    path = write(tmp_path, EVERYWHERE)
    check = check_dump(path, schema=schema.schema, from_schema="prod")
    assert check_against_server(check, schema, partial=True).problems == ()
    roll_back(path, schema, tmp_path, from_schema="prod")
    with connect(schema) as connection:
        assert connection.query("SELECT id FROM v ORDER BY id") == [(1,), (3,)]
        assert connection.query("SELECT id FROM w") == [(3,)]
        assert connection.query("SELECT prod FROM t ORDER BY id") == [(2,), (4,)]
        body = str(connection.query("SHOW CREATE TRIGGER tr")[0][2])
        assert f"INSERT INTO `{schema.schema}`.u SELECT `{schema.schema}`.`t`.`id`" in body
        assert "SET NEW.prod = 'prod.x'" in body
        assert f"CALL `{schema.schema}`.q()" in str(connection.query("SHOW CREATE PROCEDURE p"))
        assert "prod" not in str(connection.query("SHOW CREATE TABLE u")[0][1])


LINES = [
    "USE `prod`;",
    "CREATE DATABASE prod;",
    "ALTER DATABASE `prod` CHARACTER SET utf8mb3;",
    "CREATE TABLE prod.t (id int);",
    "CREATE VIEW v AS SELECT 1 FROM prod.t;",
    "CREATE TABLE t (id int);\nINSERT INTO prod.t VALUES (1);",
    "CREATE TABLE t (id int);\nCREATE TRIGGER `prod`.`tr` AFTER INSERT ON t FOR EACH ROW SET @a=1;",
    "CREATE TABLE t (id int);\nCREATE TRIGGER tr AFTER INSERT ON `prod`.t FOR EACH ROW SET @a=1;",
]


@pytest.mark.parametrize("text", LINES)
def test_the_hint_names_the_cause_and_a_third_name_stays_refused(tmp_path, text):
    path = write(tmp_path, text)
    for other in ("", "test"):
        with pytest.raises(StatementRefused, match="another schema, 'prod'") as caught:
            check_dump(path, schema="shop", from_schema=other)
        assert "--from-schema prod" in caught.value.hint
    check_dump(path, schema="shop", from_schema="PROD")


def test_a_name_within_a_body_that_leads_elsewhere_stays_refused(tmp_path):
    text = "CREATE VIEW v AS SELECT 1 FROM prod.t JOIN mysql.user;"
    with pytest.raises(StatementRefused, match="another schema, 'mysql'"):
        check_dump(write(tmp_path, text), schema="shop", from_schema="prod")


@pytest.mark.parametrize("name", MAKERS)
def test_dumps_of_other_programs_are_taken_from_another_schema(server, schema, tmp_path, name):
    content = NOT_FOR_THE_CLIENT.sub(b"", text_of(name, schema.schema))
    fill_as_written(server, schema.schema, content)
    wanted = portrait(as_root(schema))
    path = write(tmp_path, text_of(name, "elsewhere"))
    roll_back(path, schema, tmp_path, from_schema="elsewhere")
    assert differences(plain(wanted, schema), plain(portrait(as_root(schema)), schema)) == {}


def test_an_alias_of_that_name_is_no_schema():
    reading = Reading()
    for text, expected in [
        (b"SELECT prod.id FROM t AS prod", b"SELECT prod.id FROM t AS prod"),
        (b"SELECT prod.id FROM prod.t prod", b"SELECT prod.id FROM `s`.t prod"),
        (b"SELECT prod.t.id FROM x prod", b"SELECT `s`.t.id FROM x prod"),
        (b"SELECT a.prod.b, @prod, 'prod.x'", b"SELECT a.prod.b, @prod, 'prod.x'"),
        (b"SELECT prod.f()", b"SELECT `s`.f()"),
    ]:
        assert mapped_schema(text, reading, "prod", "s") == expected
