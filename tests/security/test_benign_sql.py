# ruff: noqa: E501, ISC004
"""The real output of dump programs passes the grammar."""

from __future__ import annotations

import pytest

from core.database.sql.allowed import classify
from core.database.sql.split import RawStatement
from core.database.sql.tokens import Reading

VALUES = {
    "mysqldump": "1,-1,1.5,-1.5e-10,1e+20,NULL,'it\\'s','a\\\\',_binary 'x\\0',0x4142,_binary ''",
    "mysqldump --hex-blob": "0x00FF,'',NULL",
    "mariadb-dump": "'a',NULL,b'0',-0.0,'2020-01-01 00:00:00',x'00'",
    "heidisql": "_binary 0x4142, b'101', 'a', NULL, 1.50",
    "phpmyadmin": "0x4142, b'1', 'it''s', NULL, -5",
    "adminer": "UNHEX('00FF'), CONVERT(b'101', UNSIGNED), 'a',"
    " ST_GeomFromText('POINT(1 1)', ST_SRID(`g`)), GeomFromText('POINT(1 1)', SRID(`g`))",
    "navicat": "X'00FF', ST_GeomFromText('POINT(1 1)', 4326, 'axis-order=lat-long'), b'1'",
    "sequel ace": "X'00ff',b'1',ST_GeomFromText('POINT(1 1)'),\n\t'a'",
    "mydumper": 'CONVERT(\'{\\"a\\": 1}\' USING UTF8MB4),FROM_BASE64(\'YQ==\'),"a","it\\"s"',
    "magento": "'1','a',0x4142,NULL,''",
    "magerewind": "1,'a\\nb',X'00FF',_utf8mb3 X'61',NULL, 0",
    "by hand": "DEFAULT, NOW(), CURRENT_TIMESTAMP, UUID(), MD5('x'), CONCAT('a', 'b'), true,"
    " DATE '2020-01-01', STR_TO_DATE('1','%d'), CAST('1' AS DECIMAL(10,2)), /* why */ 1 -- so",
}


@pytest.mark.parametrize("program", VALUES)
@pytest.mark.parametrize(
    "head", ["INSERT INTO `t` VALUES ", "insert ignore into t (`a`, b) values\n"]
)
def test_rows(program, head):
    row = f"({VALUES[program]}\n)"
    for text in (f"{head}{row}", f"{head}{row},\n{row} ,{row}", f"{head}(1),{row},(2)"):
        raw = RawStatement(text.encode(), 1, 0)
        assert classify(raw, reading=Reading(), schema="shop").kind.value == "rows"


STATEMENTS = (
    "INSERT INTO `t` (`a`, `b`) VALUES (1, 'x')\nON DUPLICATE KEY UPDATE `a` = VALUES(`a`), `b` = VALUES(`b`)",
    "REPLACE INTO `t` VALUES (1)",
    "/*!40000 ALTER TABLE `t` ENABLE KEYS */",
    "ALTER TABLE `t` ADD PRIMARY KEY (`a`), ADD UNIQUE KEY `U` (`b`(10)), ADD FULLTEXT KEY `F` (`c`)",
    "ALTER TABLE `t` MODIFY `a` int(10) UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'x', AUTO_INCREMENT=9",
    "LOCK TABLES `t` WRITE, `u` READ LOCAL",
    "ANALYZE TABLE `t` UPDATE HISTOGRAM ON `a`, `b` WITH 100 BUCKETS",
    "CREATE TABLE `t` (`a` char(1) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',"
    " `b` bit(1) DEFAULT b'0', `c` varchar(9) GENERATED ALWAYS AS (concat(`a`,_utf8mb4'x')) VIRTUAL,"
    " `d` json DEFAULT NULL CHECK (json_valid(`d`)), `e` timestamp(6) NOT NULL DEFAULT"
    " current_timestamp(6) ON UPDATE current_timestamp(6), `f` point NOT NULL /*!80003 SRID 4326 */,"
    " `g` set('a','b') DEFAULT NULL, `h` double(10,2) unsigned zerofill, KEY `k` (`a`,`b`) USING BTREE"
    " COMMENT 'x' /*!80000 INVISIBLE */, SPATIAL KEY `s` (`f`), CONSTRAINT `c` FOREIGN KEY (`a`)"
    " REFERENCES `u` (`a`) ON DELETE SET NULL ON UPDATE NO ACTION) ENGINE=InnoDB AUTO_INCREMENT=5"
    " DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8"
    " STATS_PERSISTENT=1 `PAGE_COMPRESSED`='ON' COMMENT='it''s'",
    "CREATE TABLE `t` (`a` date) /*!50100 PARTITION BY RANGE (to_days(`a`)) SUBPARTITION BY HASH"
    " (year(`a`)) (PARTITION p0 VALUES LESS THAN (to_days('2020-01-01')) ENGINE = InnoDB, PARTITION p1"
    " VALUES LESS THAN MAXVALUE COMMENT = 'x' ENGINE = InnoDB) */",
    "CREATE ALGORITHM=UNDEFINED DEFINER=`a`@`%` SQL SECURITY DEFINER VIEW `v` AS select distinct"
    " `p`.`a` AS `a`,(`c`.`b` * 2) AS `b`,if((`p`.`a` is null),1,0) AS `n`,count(0) AS `m` from"
    " ((`p` left join `c` on((`c`.`a` = `p`.`a`))) join `u` on((`u`.`a` = `p`.`a`))) where"
    " ((`p`.`a` in (1,2)) and (not(exists(select 1 from `u`)))) group by `p`.`a` having (count(0) > 1)",
    "CREATE TRIGGER trg_catalog_category_entity_after_update AFTER UPDATE ON catalog_category_entity"
    " FOR EACH ROW BEGIN IF (NOT(NEW.`entity_id` <=> OLD.`entity_id`) OR NOT(NEW.`a` <=> OLD.`a`)) THEN"
    " INSERT IGNORE INTO `catalog_category_flat_cl` (`entity_id`) VALUES (NEW.`entity_id`); END IF; END",
    "CREATE PROCEDURE p(IN a INT, OUT b INT) READS SQL DATA BEGIN DECLARE done INT DEFAULT 0; DECLARE c"
    " CURSOR FOR SELECT x FROM t; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; OPEN c;"
    " l: LOOP FETCH c INTO b; IF done THEN LEAVE l; END IF; END LOOP; CLOSE c; SELECT FOUND_ROWS()"
    " INTO b; START TRANSACTION; UPDATE t SET x = x + 1; COMMIT; END",
)  # fmt: skip


@pytest.mark.parametrize("text", STATEMENTS)
def test_statements(text):
    classify(RawStatement(text.encode(), 1, 0), reading=Reading(), schema="shop")
