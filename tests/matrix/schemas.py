"""Schemas with what only one flavour has, and one that both have; told as SQL."""

# What every server takes, of every kind of type that a store may have.
COMMON = r"""
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00';
CREATE TABLE numbers (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, t tinyint, s smallint unsigned,
  m mediumint, i int unsigned, b bigint, f float, d double, n decimal(65,30), w decimal(10,0),
  bits bit(64), y year, flag tinyint(1) NOT NULL DEFAULT '0') ENGINE=InnoDB;
INSERT INTO numbers VALUES
 (0,-128,65535,-8388608,4294967295,-9223372036854775808,16777217,1e308,
  12345678901234567890123456789012345.123456789012345678901234567891,-9999999999,
  b'1000000000000000000000000000000000000000000000000000000000000001',2155,1),
 (1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0),
 (18446744073709551614,127,0,8388607,0,9223372036854775807,1.2345678,5e-324,0,1,b'0',1901,0),
 (5,0,0,0,0,0,-0.0,-0.0,0,0,b'1',0000,0),(6,1,1,1,1,1,3.402823466e38,1.7976931348623157e308,1,1,
  b'1111',2000,1);
INSERT INTO numbers (id, d, f) VALUES (11,2.2250738585072014e-308,1.1754943508222875e-38),
 (12,-2.2250738585072014e-308,-1.1754943508222875e-38),(14,0.1,16777216),
 (13,-1.7976931348623157e308,-3.0100972003582628e-33),(15,-123456.78901234567,-1289453312);
CREATE TABLE fixed (d double(12,4), f float(8,3), r real(30,5)) ENGINE=InnoDB;
INSERT INTO fixed VALUES (0.33335,0.6667,-123456789012345678901.23456),
 (-99999999.9999,9999.999,1e-5);
CREATE TABLE texts (
  id int NOT NULL PRIMARY KEY, c char(10), v varchar(255), l longtext,
  lat varchar(200) CHARACTER SET latin1, bin binary(8), vb varbinary(500), bl longblob,
  state enum('','a','it''s','ü') DEFAULT 'a', opts set('x','y','z'),
  sorted varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, KEY V (v(20)))
  ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO texts VALUES
 (0,'','','','',x'',x'','','','',''),
 (1,'a ','it''s; a "quote" \\ back','-- no\n/* comment */\r\n\Z\t','é¤',x'0001020304050607',
  x'00ff27225c0a0d1a','\0\'"',3,'x,z','A'),
 (2,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL),
 (3,'😀','😀 emoji',REPEAT('öé😀''\\',20000),CONVERT(x'80819fa0ff' USING latin1),x'ff',x'00',
  REPEAT(x'00ff275c1a0a',50000),'','y','a');
CREATE TABLE times (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY, d date, dt datetime(6), ts timestamp(6) NULL,
  tm time(6), plain timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)
  ENGINE=InnoDB AUTO_INCREMENT=1000;
INSERT INTO times VALUES
 (1,'0000-00-00','0000-00-00','0000-00-00','-838:59:59.000000','1970-01-01 00:00:01'),
 (2,'2020-00-00','9999-12-31 23:59:59.999999','2038-01-19 03:14:07.999999','838:59:59',
  '2038-01-19 03:14:07'),
 (3,'1000-01-01','2020-03-29 02:30:00.5','2020-10-25 00:30:00.123456','00:00:00.000001',
  '2020-10-25 01:30:00'),
 (4,NULL,NULL,NULL,NULL,'2000-01-01 00:00:00');
CREATE TABLE places (
  id int NOT NULL PRIMARY KEY, p point NOT NULL, g geometry, SPATIAL KEY P (p)) ENGINE=MyISAM;
INSERT INTO places VALUES (1,ST_GeomFromText('POINT(1.5 -2)'),NULL),
 (2,ST_GeomFromText('POINT(0 0)'),ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))'));
CREATE TABLE documents (id int NOT NULL PRIMARY KEY, j json) ENGINE=InnoDB;
INSERT INTO documents VALUES (1,'{"a": [1, 2.5, null, "it''s \\"x\\" 😀"]}'),(2,NULL),(3,'"text"');
CREATE TABLE derived (
  a int NOT NULL, b int, low int GENERATED ALWAYS AS (a + 1) VIRTUAL,
  high varchar(20) GENERATED ALWAYS AS (concat('n', a)) STORED, KEY HIGH (high),
  CONSTRAINT SMALL CHECK (a < 1000)) ENGINE=InnoDB;
INSERT INTO derived (a, b) VALUES (1,2),(1,2),(999,NULL);
CREATE TABLE no_key (v varchar(10), n int) ENGINE=InnoDB;
INSERT INTO no_key VALUES ('a',1),('a',1),(NULL,NULL);
CREATE TABLE text_key (k varchar(100) COLLATE utf8mb4_bin NOT NULL, part int NOT NULL, v int,
  PRIMARY KEY (k, part)) ENGINE=InnoDB;
INSERT INTO text_key VALUES ('',0,1),('a',0,2),('A',0,3),('a ',1,4),('😀',1,5);
CREATE TABLE big_key (id bigint unsigned NOT NULL PRIMARY KEY) ENGINE=InnoDB;
INSERT INTO big_key VALUES (0),(9223372036854775808),(18446744073709551615);
CREATE TABLE volatile_rows (id int NOT NULL PRIMARY KEY, v varchar(20)) ENGINE=MEMORY;
INSERT INTO volatile_rows VALUES (1,'gone'),(2,NULL);
CREATE TABLE parent (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, code varchar(30) NOT NULL,
  UNIQUE KEY CODE (code)) ENGINE=InnoDB AUTO_INCREMENT=77;
INSERT INTO parent VALUES (0,'zero'),(1,'one');
CREATE TABLE child (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, parent_id int, self_id int,
  KEY P (parent_id), KEY S (self_id),
  CONSTRAINT CHILD_PARENT FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE,
  CONSTRAINT child_ibfk_1 FOREIGN KEY (self_id) REFERENCES child (id)) ENGINE=InnoDB;
INSERT INTO child VALUES (1,0,NULL),(2,1,1),(3,NULL,2);
CREATE TABLE ring_a (id int NOT NULL PRIMARY KEY, b int, KEY B (b)) ENGINE=InnoDB;
CREATE TABLE ring_b (id int NOT NULL PRIMARY KEY, a int, KEY A (a),
  CONSTRAINT RING_BA FOREIGN KEY (a) REFERENCES ring_a (id)) ENGINE=InnoDB;
ALTER TABLE ring_a ADD CONSTRAINT RING_AB FOREIGN KEY (b) REFERENCES ring_b (id);
INSERT INTO ring_a VALUES (1,NULL); INSERT INTO ring_b VALUES (1,1); UPDATE ring_a SET b = 1;
CREATE TABLE `odd ``name` (`a``b` int, `select` varchar(10), KEY `k``1` (`a``b`)) ENGINE=InnoDB;
INSERT INTO `odd ``name` VALUES (1,'x'),(1,'x');
CREATE TABLE `abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz_64_letters_` (
  id int NOT NULL PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE parts (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id, d)) ENGINE=InnoDB
  PARTITION BY RANGE (YEAR(d))
  (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1,'2019-01-01'),(2,'2021-01-01');
CREATE TABLE words (id int NOT NULL PRIMARY KEY, note text, FULLTEXT KEY F (note)) ENGINE=InnoDB;
INSERT INTO words VALUES (1,'one two'),(2,'line\nbreak');
CREATE TABLE log (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, what varchar(100)) ENGINE=MyISAM;
INSERT INTO log (what) VALUES ('first');
CREATE DEFINER=shop@localhost SQL SECURITY INVOKER VIEW zebra AS
  SELECT p.id, p.code FROM parent p WHERE p.id > 0;
CREATE DEFINER=shop@localhost SQL SECURITY INVOKER VIEW apple AS
  SELECT z.id, c.self_id FROM zebra z JOIN child c ON c.parent_id = z.id;
DELIMITER ;;
CREATE DEFINER=shop@localhost TRIGGER parent_log AFTER INSERT ON parent FOR EACH ROW BEGIN
  -- it's a comment; with a quote
  INSERT INTO log (what) VALUES (CONCAT('new;', NEW.code));
END;;
CREATE DEFINER=shop@localhost TRIGGER parent_first AFTER INSERT ON parent FOR EACH ROW
  PRECEDES parent_log SET @x = 1;;
CREATE DEFINER=shop@localhost PROCEDURE count_them(OUT n int)
  BEGIN SELECT COUNT(*) INTO n FROM parent; /* done; */ END;;
CREATE DEFINER=shop@localhost FUNCTION twice(a int) RETURNS int DETERMINISTIC RETURN a * 2;;
SET SESSION sql_mode='ANSI_QUOTES';;
CREATE DEFINER=shop@localhost FUNCTION ansi() RETURNS text CHARSET utf8mb4 DETERMINISTIC
  RETURN 'a"b';;
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO';;
CREATE DEFINER=shop@localhost EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01 03:00:00'
  DISABLE DO DELETE FROM log;;
DELIMITER ;
"""

MARIADB_ONLY = r"""
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00';
CREATE TABLE ids (u uuid NOT NULL PRIMARY KEY, six inet6, four inet4) ENGINE=InnoDB;
INSERT INTO ids VALUES
 ('6ccd780c-baba-1026-9564-5b8c656024db','2001:db8::ff00:42:8329','192.0.2.1'),
 ('00000000-0000-0000-0000-000000000000','::',NULL),
 ('ffffffff-ffff-4fff-bfff-ffffffffffff','::ffff:192.0.2.1','255.255.255.255');
CREATE TABLE history (id int NOT NULL PRIMARY KEY, v int) ENGINE=InnoDB WITH SYSTEM VERSIONING;
INSERT INTO history VALUES (1,1),(2,2); UPDATE history SET v = 5 WHERE id = 1;
DELETE FROM history WHERE id = 2;
CREATE TABLE explicit_history (id int NOT NULL PRIMARY KEY, v int,
  born timestamp(6) GENERATED ALWAYS AS ROW START, died timestamp(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (born, died)) ENGINE=InnoDB WITH SYSTEM VERSIONING;
INSERT INTO explicit_history (id, v) VALUES (1,1); UPDATE explicit_history SET v = 2;
CREATE TABLE hidden (id int NOT NULL PRIMARY KEY, secret int INVISIBLE DEFAULT 5,
  packed longtext /*M!100301 COMPRESSED*/) ENGINE=InnoDB;
INSERT INTO hidden (id, secret, packed) VALUES (1,7,REPEAT('pack',1000));
CREATE TABLE aria (id int NOT NULL PRIMARY KEY, v varchar(20)) ENGINE=Aria TRANSACTIONAL=1;
INSERT INTO aria VALUES (1,'x');
CREATE TABLE packed_pages (id int NOT NULL PRIMARY KEY, v text) ENGINE=InnoDB PAGE_COMPRESSED=1;
INSERT INTO packed_pages VALUES (1,'x');
CREATE TABLE rates (room int NOT NULL, s date NOT NULL, e date NOT NULL, PERIOD FOR stay (s, e),
  UNIQUE KEY R (room, stay WITHOUT OVERLAPS)) ENGINE=InnoDB;
INSERT INTO rates VALUES (1,'2020-01-01','2020-02-01');
CREATE TABLE falling (a int, b int, KEY D (a DESC, b), KEY I (b) IGNORED) ENGINE=InnoDB;
CREATE SEQUENCE counter START WITH 5 INCREMENT BY 3 CYCLE MAXVALUE 100;
SELECT NEXTVAL(counter), NEXTVAL(counter);
CREATE TABLE numbered (id bigint NOT NULL DEFAULT nextval(counter) PRIMARY KEY, v int)
  ENGINE=InnoDB;
INSERT INTO numbered (v) VALUES (1);
CREATE TABLE computed (id int NOT NULL PRIMARY KEY, at varchar(40) DEFAULT (concat('x', 1 + 2)),
  far text DEFAULT 'a text') ENGINE=InnoDB;
INSERT INTO computed (id) VALUES (1);
DELIMITER ;;
SET SESSION sql_mode='ORACLE';;
CREATE DEFINER=shop@localhost PACKAGE tools AS
  FUNCTION three RETURN INT;
END;;
CREATE DEFINER=shop@localhost PACKAGE BODY tools AS
  FUNCTION three RETURN INT AS BEGIN RETURN 3; END;
END;;
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO';;
CREATE DEFINER=shop@localhost AGGREGATE FUNCTION longest(x text) RETURNS int BEGIN
  DECLARE most int DEFAULT 0;
  DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN most;
  LOOP FETCH GROUP NEXT ROW; SET most = GREATEST(most, LENGTH(x)); END LOOP;
END;;
DELIMITER ;
"""

MARIADB_11_8_ONLY = r"""
CREATE TABLE vectors (id int NOT NULL PRIMARY KEY, v vector(3) NOT NULL, VECTOR INDEX (v))
  ENGINE=InnoDB;
INSERT INTO vectors VALUES (1,VEC_FromText('[1,2.5,-3]')),(2,VEC_FromText('[0,0,1e-20]'));
CREATE TABLE newest (v varchar(20)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
  COLLATE=utf8mb4_uca1400_ai_ci;
INSERT INTO newest VALUES ('ß'),('ss');
CREATE TABLE late (id int NOT NULL PRIMARY KEY, ts timestamp NULL) ENGINE=InnoDB;
INSERT INTO late VALUES (1,'2106-02-07 06:28:15');
"""

MYSQL_ONLY = r"""
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00';
CREATE TABLE functional (id int NOT NULL PRIMARY KEY, j json, n int, v varchar(50),
  KEY LOW ((lower(v))), KEY HIDDEN_KEY (n) INVISIBLE, KEY FALLING (n DESC),
  KEY MANY ((CAST(j->'$.tags' AS UNSIGNED ARRAY)))) ENGINE=InnoDB;
INSERT INTO functional VALUES (1,'{"tags": [1, 2, 3]}',1,'ABC'),(2,'{"tags": []}',2,NULL);
CREATE TABLE globe (id int NOT NULL PRIMARY KEY, p point NOT NULL SRID 4326, g geometry,
  SPATIAL KEY P (p)) ENGINE=InnoDB;
INSERT INTO globe VALUES (1,ST_GeomFromText('POINT(52.5 13.4)',4326),ST_GeomFromText('POINT(1 2)')),
 (2,ST_GeomFromText('POINT(-33.9 18.4)',4326),ST_GeomFromText('LINESTRING(0 0,1 2)',3857));
CREATE TABLE hidden (id int NOT NULL PRIMARY KEY, secret int DEFAULT 5 INVISIBLE) ENGINE=InnoDB;
INSERT INTO hidden (id, secret) VALUES (1,7);
SET SESSION sql_generate_invisible_primary_key = 1;
CREATE TABLE keyless (v int) ENGINE=InnoDB;
INSERT INTO keyless VALUES (1),(1),(2);
SET SESSION sql_generate_invisible_primary_key = 0;
CREATE TABLE checked (a int, CONSTRAINT NOT_FORCED CHECK (a > 5) NOT ENFORCED) ENGINE=InnoDB;
INSERT INTO checked VALUES (1);
CREATE TABLE computed (id int NOT NULL PRIMARY KEY, u varchar(40) DEFAULT (concat('x', 1 + 2)),
  j json DEFAULT (json_array()), b blob DEFAULT ('abc')) ENGINE=InnoDB;
INSERT INTO computed (id) VALUES (1);
CREATE TABLE newest (v varchar(20), w varchar(20) COLLATE utf8mb4_0900_as_cs) ENGINE=InnoDB
  DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
INSERT INTO newest VALUES ('ß','a'),('ss','A');
CREATE TABLE numbers_in_json (id int NOT NULL PRIMARY KEY, j json) ENGINE=InnoDB;
INSERT INTO numbers_in_json VALUES (1,CAST(1e308 AS JSON)),
 (3,CAST(CAST('2020-01-01' AS DATE) AS JSON)),(4,CAST(18446744073709551615 AS JSON)),
 (5,JSON_OBJECT('b', TRUE, 'n', NULL, 'k', '😀\n"'));
CREATE TABLE vectors (id int NOT NULL PRIMARY KEY, v vector(3)) ENGINE=InnoDB;
INSERT INTO vectors VALUES (1,STRING_TO_VECTOR('[1,2.5,-3]')),(2,NULL);
CREATE TABLE lists (id int NOT NULL PRIMARY KEY, k int) ENGINE=InnoDB
  PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO lists VALUES (1,1),(2,2),(3,3);
CREATE TABLE packed (id int NOT NULL PRIMARY KEY, v text) ENGINE=InnoDB ROW_FORMAT=COMPRESSED
  KEY_BLOCK_SIZE=8;
INSERT INTO packed VALUES (1,'x');
"""
