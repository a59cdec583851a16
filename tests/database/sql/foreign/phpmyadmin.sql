-- phpMyAdmin SQL Dump
-- version 5.2.1
-- https://www.phpmyadmin.net/
--
-- Host: localhost
-- Generation Time: Jan 01, 2024 at 12:00 AM
-- Server version: 10.11.6-MariaDB
-- PHP Version: 8.2.7

SET FOREIGN_KEY_CHECKS=0;
SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";
START TRANSACTION;
SET time_zone = "+00:00";


/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;

--
-- Database: `{schema}`
--
CREATE DATABASE IF NOT EXISTS `{schema}` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE `{schema}`;

DELIMITER $$
--
-- Procedures
--
DROP PROCEDURE IF EXISTS `p`$$
CREATE DEFINER=`shop`@`localhost` PROCEDURE `p` (OUT `n` INT)   BEGIN SELECT COUNT(*) INTO n FROM a; END$$

--
-- Functions
--
CREATE DEFINER=`shop`@`localhost` FUNCTION `f` () RETURNS INT(11) DETERMINISTIC RETURN 1$$

DELIMITER ;

-- --------------------------------------------------------

--
-- Table structure for table `a`
--

DROP TABLE IF EXISTS `a`;
CREATE TABLE `a` (
  `id` int(10) UNSIGNED NOT NULL,
  `b_id` int(10) UNSIGNED DEFAULT NULL,
  `text` varchar(99) DEFAULT NULL COMMENT 'it''s; "text"'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Truncate table before insert `a`
--

--
-- Dumping data for table `a`
--

INSERT INTO `a` (`id`, `b_id`, `text`) VALUES
(0,1,'zero; \'quoted\' -- no'),
(2,1,'two\nlines /* no */'),
(3,NULL,'é 😀 \\');

--
-- Triggers `a`
--
DROP TRIGGER IF EXISTS `trg`;
DELIMITER $$
CREATE TRIGGER `trg` AFTER INSERT ON `a` FOR EACH ROW BEGIN
  -- it's; a comment
  SET @x = 1; SET @y = 'a;b';
END
$$
DELIMITER ;

DROP TABLE IF EXISTS `b`;
CREATE TABLE `b` (
  `id` int(10) UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

INSERT INTO `b` (`id`) VALUES
(1);

-- --------------------------------------------------------

--
-- Stand-in structure for view `v`
-- (See below for the actual view)
--
DROP VIEW IF EXISTS `v`;
CREATE TABLE `v` (
`id` int(10) unsigned
);

-- --------------------------------------------------------

--
-- Structure for view `v`
--
DROP TABLE IF EXISTS `v`;

DROP VIEW IF EXISTS `v`;
CREATE ALGORITHM=UNDEFINED DEFINER=`shop`@`localhost` SQL SECURITY INVOKER VIEW `v`  AS SELECT `a`.`id` AS `id` FROM `a` ;

--
-- Indexes for dumped tables
--

ALTER TABLE `a`
  ADD PRIMARY KEY (`id`),
  ADD KEY `B` (`b_id`);

ALTER TABLE `b`
  ADD PRIMARY KEY (`id`);

--
-- AUTO_INCREMENT for dumped tables
--

ALTER TABLE `a`
  MODIFY `id` int(10) UNSIGNED NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=9;

--
-- Constraints for dumped tables
--

ALTER TABLE `a`
  ADD CONSTRAINT `A_B` FOREIGN KEY (`b_id`) REFERENCES `b` (`id`) ON DELETE CASCADE;

DELIMITER $$
--
-- Events
--
DROP EVENT IF EXISTS `e`$$
CREATE DEFINER=`shop`@`localhost` EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01 03:00:00' ON COMPLETION NOT PRESERVE DISABLE DO DELETE FROM a WHERE id = 99$$

DELIMITER ;
SET FOREIGN_KEY_CHECKS=1;
COMMIT;

/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
