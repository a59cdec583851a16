-- --------------------------------------------------------
-- Host:                         127.0.0.1
-- Server version:               10.11.6-MariaDB - mariadb.org binary distribution
-- Server OS:                    Win64
-- HeidiSQL Version:             12.6.0.6765
-- --------------------------------------------------------

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8 */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;


-- Dumping database structure for {schema}
CREATE DATABASE IF NOT EXISTS `{schema}` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;
USE `{schema}`;

-- Dumping structure for table {schema}.a
CREATE TABLE IF NOT EXISTS `a` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `b_id` int(10) unsigned DEFAULT NULL,
  `text` varchar(99) DEFAULT NULL COMMENT 'it''s; "text"',
  PRIMARY KEY (`id`),
  KEY `B` (`b_id`),
  CONSTRAINT `A_B` FOREIGN KEY (`b_id`) REFERENCES `b` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- Dumping data for table {schema}.a: ~3 rows (approximately)
/*!40000 ALTER TABLE `a` DISABLE KEYS */;
INSERT INTO `a` (`id`, `b_id`, `text`) VALUES
	(0,1,'zero; \'quoted\' -- no'),
	(2,1,'two\nlines /* no */'),
	(3,NULL,'é 😀 \\');
/*!40000 ALTER TABLE `a` ENABLE KEYS */;

-- Dumping structure for table {schema}.b
CREATE TABLE IF NOT EXISTS `b` (
  `id` int(10) unsigned NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- Dumping data for table {schema}.b: ~1 rows (approximately)
INSERT INTO `b` (`id`) VALUES
	(1);

-- Dumping structure for event {schema}.e
DELIMITER //
CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01 03:00:00' ON COMPLETION NOT PRESERVE DISABLE DO DELETE FROM a WHERE id = 99//
DELIMITER ;

-- Dumping structure for procedure {schema}.p
DELIMITER //
CREATE PROCEDURE `p`(OUT n int)
BEGIN SELECT COUNT(*) INTO n FROM a; END//
DELIMITER ;

-- Dumping structure for view {schema}.v
-- Creating temporary table to overcome VIEW dependency errors
CREATE TABLE `v` (
	`id` INT(10) UNSIGNED NOT NULL,
	`other` INT(10) UNSIGNED NOT NULL
) ENGINE=MyISAM;

-- Dumping structure for trigger {schema}.trg
SET @OLDTMP_SQL_MODE=@@SQL_MODE, SQL_MODE='STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
DELIMITER //
CREATE TRIGGER `trg` AFTER INSERT ON `a` FOR EACH ROW BEGIN
  -- it's; a comment
  SET @x = 1; SET @y = 'a;b';
END//
DELIMITER ;
SET SQL_MODE=@OLDTMP_SQL_MODE;

-- Dumping structure for view {schema}.v
-- Removing temporary table and create final VIEW structure
DROP TABLE IF EXISTS `v`;
CREATE ALGORITHM=UNDEFINED SQL SECURITY INVOKER VIEW `v` AS select `a`.`id` AS `id`,`b`.`id` AS `other` from (`a` join `b` on(`a`.`b_id` = `b`.`id`))
;

/*!40103 SET TIME_ZONE=IFNULL(@OLD_TIME_ZONE, 'system') */;
/*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE, '') */;
/*!40014 SET FOREIGN_KEY_CHECKS=IFNULL(@OLD_FOREIGN_KEY_CHECKS, 1) */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40111 SET SQL_NOTES=IFNULL(@OLD_SQL_NOTES, 1) */;
