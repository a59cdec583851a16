"""Two schemas of difficult objects, as SQL: the live one, and the one that replaces it."""

NEW = r"""
CREATE TABLE parent (
  id int unsigned NOT NULL AUTO_INCREMENT, code varchar(40) NOT NULL, PRIMARY KEY (id),
  UNIQUE KEY CODE_KEY (code)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO parent VALUES (1,'a;b'),(2,'it''s'),(3,'back\\slash'),(9,'-- no comment'),(10,'/* nor');
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO'; INSERT INTO parent VALUES (0,'zero');
ALTER TABLE parent AUTO_INCREMENT=77;
CREATE TABLE child (
  id int NOT NULL AUTO_INCREMENT, parent_id int unsigned DEFAULT NULL, self_id int DEFAULT NULL,
  amount decimal(10,2) CHECK (amount >= 0), total decimal(12,2) AS (amount * 2) VIRTUAL,
  hidden int INVISIBLE DEFAULT 5, body longblob, at timestamp(3) NULL DEFAULT current_timestamp(3),
  state enum('','new','old') DEFAULT 'new', bits bit(9), note text,
  PRIMARY KEY (id), KEY P (parent_id), KEY S (self_id), KEY A (amount), FULLTEXT KEY F (note),
  CONSTRAINT CHILD_PARENT FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE,
  CONSTRAINT child_ibfk_1 FOREIGN KEY (self_id) REFERENCES child (id),
  CONSTRAINT POSITIVE CHECK (amount < 1000000)) ENGINE=InnoDB COMMENT='it''s; a `child`';
INSERT INTO child (id, parent_id, self_id, amount, hidden, body, at, state, bits, note) VALUES
 (1,1,NULL,10.50,1,x'00ff1a0a0d27225c','2020-03-29 01:30:00.123','',b'101010101','one two'),
 (2,NULL,1,0,2,NULL,NULL,'old',NULL,'line\nbreak'),
 (3,0,2,5,3,'','2038-01-01 00:00:00','new',b'0','');
CREATE TABLE loop_a (id int PRIMARY KEY, b int, KEY b (b)) ENGINE=InnoDB;
CREATE TABLE loop_b (id int PRIMARY KEY, a int, KEY a (a),
  CONSTRAINT LOOP_BA FOREIGN KEY (a) REFERENCES loop_a (id)) ENGINE=InnoDB;
ALTER TABLE loop_a ADD CONSTRAINT LOOP_AB FOREIGN KEY (b) REFERENCES loop_b (id);
CREATE TABLE `odd ``name` (`a``b` int, `select` varchar(10), KEY `k``1` (`a``b`)) ENGINE=InnoDB;
INSERT INTO `odd ``name` VALUES (1,'x'),(1,'x');
CREATE TABLE history (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING;
INSERT INTO history VALUES (1,1);
CREATE TABLE parts (id int, d date, PRIMARY KEY (id, d)) PARTITION BY RANGE (YEAR(d))
  (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1,'2019-01-01'),(2,'2021-01-01');
CREATE TABLE memory_table (id int PRIMARY KEY) ENGINE=MEMORY;
CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY, what varchar(100)) ENGINE=MyISAM;
CREATE TABLE only_new (id int PRIMARY KEY);
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3;
SELECT NEXTVAL(numbers);
CREATE TABLE numbered (id bigint PRIMARY KEY DEFAULT nextval(numbers), v int);
INSERT INTO numbered (v) VALUES (1);
CREATE VIEW zebra AS SELECT p.id, p.code FROM parent p WHERE p.id > 0;
CREATE VIEW apple AS SELECT z.id, c.amount FROM zebra z JOIN child c ON c.parent_id = z.id;
CREATE VIEW changed AS SELECT 2 AS two;
DELIMITER ;;
CREATE TRIGGER parent_log AFTER INSERT ON parent FOR EACH ROW BEGIN
  -- it's a comment; with a quote
  INSERT INTO log (what) VALUES (CONCAT('new;', NEW.code));
END;;
CREATE TRIGGER parent_second AFTER INSERT ON parent FOR EACH ROW SET @x = 2;;
CREATE TRIGGER parent_first AFTER INSERT ON parent FOR EACH ROW PRECEDES parent_log SET @x = 1;;
CREATE PROCEDURE count_them(OUT n int) BEGIN SELECT COUNT(*) INTO n FROM parent; /* done; */ END;;
CREATE FUNCTION twice(a int) RETURNS int DETERMINISTIC RETURN a * 2;;
SET SESSION sql_mode='ANSI_QUOTES';;
CREATE FUNCTION ansi() RETURNS text DETERMINISTIC RETURN 'a"b';;
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO';;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01 03:00:00' DISABLE
 DO DELETE FROM log;;
DELIMITER ;
"""

OLD = r"""
CREATE TABLE parent (
  id int unsigned NOT NULL AUTO_INCREMENT, code varchar(20) NOT NULL, PRIMARY KEY (id),
  UNIQUE KEY CODE_KEY (code)) ENGINE=InnoDB;
INSERT INTO parent VALUES (1,'old one'),(4,'old four');
CREATE TABLE child (
  id int NOT NULL AUTO_INCREMENT, parent_id int unsigned DEFAULT NULL, PRIMARY KEY (id),
  KEY P (parent_id),
  CONSTRAINT CHILD_PARENT FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL
  ) ENGINE=InnoDB;
INSERT INTO child VALUES (1,1),(2,4);
CREATE TABLE only_old (id int PRIMARY KEY, parent_id int unsigned, KEY P (parent_id),
  CONSTRAINT OLD_PARENT FOREIGN KEY (parent_id) REFERENCES parent (id)) ENGINE=InnoDB;
INSERT INTO only_old VALUES (1,1);
CREATE TABLE zebra (id int PRIMARY KEY);
CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY, what varchar(100)) ENGINE=InnoDB;
CREATE VIEW history AS SELECT 1 AS one;
CREATE VIEW changed AS SELECT 1 AS one;
CREATE VIEW gone AS SELECT id FROM only_old;
DELIMITER ;;
CREATE TRIGGER parent_log AFTER INSERT ON `parent` FOR EACH ROW
 INSERT INTO log (what) VALUES ('old');;
CREATE TRIGGER old_trigger BEFORE UPDATE ON `only_old` FOR EACH ROW SET NEW.id = OLD.id;;
CREATE PROCEDURE count_them(OUT n int) SELECT 1 INTO n;;
CREATE FUNCTION old_function() RETURNS int DETERMINISTIC RETURN 1;;
CREATE EVENT old_event ON SCHEDULE EVERY 2 DAY STARTS '2020-01-01 03:00:00' DISABLE DO SELECT 1;;
DELIMITER ;
"""
