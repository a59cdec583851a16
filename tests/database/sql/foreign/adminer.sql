-- Adminer 4.8.1 MySQL 10.11.6-MariaDB dump

SET NAMES utf8;
SET time_zone = '+00:00';
SET foreign_key_checks = 0;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';

USE `{schema}`;

DELIMITER ;;

DROP PROCEDURE IF EXISTS `p`;;
CREATE PROCEDURE `p`(OUT n int)
BEGIN SELECT COUNT(*) INTO n FROM a; END;;

CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01 03:00:00' ON COMPLETION NOT PRESERVE DISABLE DO DELETE FROM a WHERE id = 99;;

DELIMITER ;

SET NAMES utf8mb4;

DROP TABLE IF EXISTS `a`;
CREATE TABLE `a` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `b_id` int(10) unsigned DEFAULT NULL,
  `text` varchar(99) DEFAULT NULL COMMENT 'it''s; "text"',
  PRIMARY KEY (`id`),
  KEY `B` (`b_id`),
  CONSTRAINT `A_B` FOREIGN KEY (`b_id`) REFERENCES `b` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

INSERT INTO `a` (`id`, `b_id`, `text`) VALUES
(0,1,'zero; \'quoted\' -- no'),
(2,1,'two\nlines /* no */'),
(3,NULL,'é 😀 \\');

DELIMITER ;;

CREATE TRIGGER `trg` AFTER INSERT ON `a` FOR EACH ROW BEGIN
  -- it's; a comment
  SET @x = 1; SET @y = 'a;b';
END;;

DELIMITER ;

DROP TABLE IF EXISTS `b`;
CREATE TABLE `b` (
  `id` int(10) unsigned NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

INSERT INTO `b` (`id`) VALUES
(1);

DROP VIEW IF EXISTS `v`;
CREATE TABLE `v` (`id` int(10) unsigned, `other` int(10) unsigned);


DROP TABLE IF EXISTS `v`;
CREATE ALGORITHM=UNDEFINED SQL SECURITY INVOKER VIEW `v` AS select `a`.`id` AS `id`,`b`.`id` AS `other` from (`a` join `b` on(`a`.`b_id` = `b`.`id`));

-- 2024-01-01 00:00:00
