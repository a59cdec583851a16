-- MySQL Workbench Forward Engineering

SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0;
SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0;
SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO';

-- -----------------------------------------------------
-- Schema {schema}
-- -----------------------------------------------------
CREATE SCHEMA IF NOT EXISTS `{schema}` DEFAULT CHARACTER SET utf8mb4 ;
USE `{schema}` ;

-- -----------------------------------------------------
-- Table `{schema}`.`b`
-- -----------------------------------------------------
DROP TABLE IF EXISTS `{schema}`.`b` ;

CREATE TABLE IF NOT EXISTS `{schema}`.`b` (
  `id` INT UNSIGNED NOT NULL,
  PRIMARY KEY (`id`))
ENGINE = InnoDB;


-- -----------------------------------------------------
-- Table `{schema}`.`a`
-- -----------------------------------------------------
DROP TABLE IF EXISTS `{schema}`.`a` ;

CREATE TABLE IF NOT EXISTS `{schema}`.`a` (
  `id` INT UNSIGNED NOT NULL AUTO_INCREMENT,
  `b_id` INT UNSIGNED NULL DEFAULT NULL,
  `text` VARCHAR(99) NULL,
  PRIMARY KEY (`id`),
  INDEX `B` (`b_id` ASC),
  CONSTRAINT `A_B`
    FOREIGN KEY (`b_id`)
    REFERENCES `{schema}`.`b` (`id`)
    ON DELETE CASCADE
    ON UPDATE NO ACTION)
ENGINE = InnoDB;

INSERT INTO `{schema}`.`b` (`id`) VALUES (1);
INSERT INTO `{schema}`.`a` (`id`, `b_id`, `text`) VALUES (0, 1, 'zero');

DELIMITER $$
USE `{schema}`$$
CREATE TRIGGER `{schema}`.`trg` AFTER INSERT ON `{schema}`.`a` FOR EACH ROW
BEGIN SET @x = 1; SET @y = 2; END$$
DELIMITER ;

CREATE  OR REPLACE VIEW `{schema}`.`v` AS SELECT `id` FROM `{schema}`.`a`;

SET SQL_MODE=@OLD_SQL_MODE;
SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS;
SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS;
