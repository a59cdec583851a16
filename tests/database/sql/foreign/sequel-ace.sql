# ************************************************************
# Sequel Ace SQL dump
# Version 20062
#
# https://sequel-ace.com/
#
# Host: 127.0.0.1 (MySQL 8.0.35)
# Database: {schema}
# Generation Time: 2024-01-01 00:00:00 +0000
# ************************************************************


/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
SET NAMES utf8mb4;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE='NO_AUTO_VALUE_ON_ZERO', SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;


# Dump of table a
# ------------------------------------------------------------

DROP TABLE IF EXISTS `a`;

CREATE TABLE `a` (
  `id` int unsigned NOT NULL AUTO_INCREMENT,
  `b_id` int unsigned DEFAULT NULL,
  `text` varchar(99) DEFAULT NULL COMMENT 'it''s; "text"',
  PRIMARY KEY (`id`),
  KEY `B` (`b_id`),
  CONSTRAINT `A_B` FOREIGN KEY (`b_id`) REFERENCES `b` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

LOCK TABLES `a` WRITE;
/*!40000 ALTER TABLE `a` DISABLE KEYS */;

INSERT INTO `a` (`id`, `b_id`, `text`)
VALUES
	(0,1,'zero; \'quoted\' -- no'),
	(2,1,'two\nlines /* no */'),
	(3,NULL,'é 😀 \\');

/*!40000 ALTER TABLE `a` ENABLE KEYS */;
UNLOCK TABLES;

DELIMITER ;;
/*!50003 SET SESSION SQL_MODE="STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION" */;;
/*!50003 CREATE */ /*!50017 DEFINER=`shop`@`localhost` */ /*!50003 TRIGGER `trg` AFTER INSERT ON `a` FOR EACH ROW BEGIN
  -- it's; a comment
  SET @x = 1; SET @y = 'a;b';
END */;;
DELIMITER ;
/*!50003 SET SESSION SQL_MODE=@OLD_SQL_MODE */;

# Dump of table b
# ------------------------------------------------------------

DROP TABLE IF EXISTS `b`;

CREATE TABLE `b` (
  `id` int unsigned NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

INSERT INTO `b` (`id`)
VALUES
	(1);


# Replace placeholder table for v with correct view syntax
# ------------------------------------------------------------

DROP TABLE IF EXISTS `v`;

CREATE ALGORITHM=UNDEFINED DEFINER=`shop`@`localhost` SQL SECURITY INVOKER VIEW `v`
AS SELECT
   `a`.`id` AS `id`
FROM `a`;

/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
