-- The tables of the sample store that do not come in families. `#` stands for the table prefix.
-- Character sets are mixed on purpose: stores that were upgraded have utf8mb3 beside utf8mb4.
CREATE TABLE `#setup_module` (
  `module` varchar(50) NOT NULL, `schema_version` varchar(50) DEFAULT NULL, `data_version` varchar(50) DEFAULT NULL,
  PRIMARY KEY (`module`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COMMENT='Module versions registry';
CREATE TABLE `#patch_list` (
  `patch_id` int NOT NULL AUTO_INCREMENT, `patch_name` varchar(1024) NOT NULL, PRIMARY KEY (`patch_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#core_config_data` (
  `config_id` int unsigned NOT NULL AUTO_INCREMENT, `scope` varchar(8) NOT NULL DEFAULT 'default',
  `scope_id` int NOT NULL DEFAULT 0, `path` varchar(255) NOT NULL DEFAULT 'general', `value` text,
  `updated_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`config_id`), UNIQUE KEY `CORE_CONFIG_DATA_SCOPE` (`scope`,`scope_id`,`path`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#store_website` (
  `website_id` smallint unsigned NOT NULL AUTO_INCREMENT, `code` varchar(32) DEFAULT NULL, `name` varchar(64) DEFAULT NULL,
  `sort_order` smallint unsigned NOT NULL DEFAULT 0, `default_group_id` smallint unsigned NOT NULL DEFAULT 0,
  `is_default` smallint unsigned DEFAULT 0, PRIMARY KEY (`website_id`), UNIQUE KEY `STORE_WEBSITE_CODE` (`code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#store_group` (
  `group_id` smallint unsigned NOT NULL AUTO_INCREMENT, `website_id` smallint unsigned NOT NULL DEFAULT 0,
  `name` varchar(255) NOT NULL, `root_category_id` int unsigned NOT NULL DEFAULT 0,
  `default_store_id` smallint unsigned NOT NULL DEFAULT 0, `code` varchar(32) DEFAULT NULL,
  PRIMARY KEY (`group_id`), KEY `STORE_GROUP_WEBSITE_ID` (`website_id`),
  CONSTRAINT `#STORE_GROUP_WEBSITE` FOREIGN KEY (`website_id`) REFERENCES `#store_website` (`website_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#store` (
  `store_id` smallint unsigned NOT NULL AUTO_INCREMENT, `code` varchar(32) DEFAULT NULL,
  `website_id` smallint unsigned NOT NULL DEFAULT 0, `group_id` smallint unsigned NOT NULL DEFAULT 0,
  `name` varchar(255) NOT NULL, `sort_order` smallint unsigned NOT NULL DEFAULT 0, `is_active` smallint unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`store_id`), UNIQUE KEY `STORE_CODE` (`code`), KEY `STORE_WEBSITE_ID` (`website_id`), KEY `STORE_GROUP_ID` (`group_id`),
  CONSTRAINT `#STORE_GROUP` FOREIGN KEY (`group_id`) REFERENCES `#store_group` (`group_id`) ON DELETE CASCADE,
  CONSTRAINT `#STORE_WEBSITE` FOREIGN KEY (`website_id`) REFERENCES `#store_website` (`website_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#eav_entity_type` (
  `entity_type_id` smallint unsigned NOT NULL AUTO_INCREMENT, `entity_type_code` varchar(50) NOT NULL,
  `entity_model` varchar(255) NOT NULL, PRIMARY KEY (`entity_type_id`), KEY `EAV_ENTITY_TYPE_CODE` (`entity_type_code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#eav_attribute_set` (
  `attribute_set_id` smallint unsigned NOT NULL AUTO_INCREMENT, `entity_type_id` smallint unsigned NOT NULL,
  `attribute_set_name` varchar(255) DEFAULT NULL, PRIMARY KEY (`attribute_set_id`),
  UNIQUE KEY `EAV_ATTRIBUTE_SET_NAME` (`entity_type_id`,`attribute_set_name`),
  CONSTRAINT `#EAV_ATTRIBUTE_SET_TYPE` FOREIGN KEY (`entity_type_id`) REFERENCES `#eav_entity_type` (`entity_type_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#eav_attribute` (
  `attribute_id` smallint unsigned NOT NULL AUTO_INCREMENT, `entity_type_id` smallint unsigned NOT NULL,
  `attribute_code` varchar(255) NOT NULL, `backend_type` varchar(8) NOT NULL DEFAULT 'static',
  `frontend_label` varchar(255) DEFAULT NULL, `is_required` smallint unsigned NOT NULL DEFAULT 0, `note` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`attribute_id`), UNIQUE KEY `EAV_ATTRIBUTE_CODE` (`entity_type_id`,`attribute_code`),
  CONSTRAINT `#EAV_ATTRIBUTE_TYPE` FOREIGN KEY (`entity_type_id`) REFERENCES `#eav_entity_type` (`entity_type_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#eav_attribute_option` (
  `option_id` int unsigned NOT NULL AUTO_INCREMENT, `attribute_id` smallint unsigned NOT NULL, `sort_order` smallint unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`option_id`),
  CONSTRAINT `#EAV_ATTRIBUTE_OPTION` FOREIGN KEY (`attribute_id`) REFERENCES `#eav_attribute` (`attribute_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#eav_attribute_option_value` (
  `value_id` int unsigned NOT NULL AUTO_INCREMENT, `option_id` int unsigned NOT NULL, `store_id` smallint unsigned NOT NULL,
  `value` varchar(255) DEFAULT NULL, PRIMARY KEY (`value_id`), KEY `EAV_OPTION_STORE` (`store_id`),
  CONSTRAINT `#EAV_OPTION_VALUE_OPTION` FOREIGN KEY (`option_id`) REFERENCES `#eav_attribute_option` (`option_id`) ON DELETE CASCADE,
  CONSTRAINT `#EAV_OPTION_VALUE_STORE` FOREIGN KEY (`store_id`) REFERENCES `#store` (`store_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#customer_group` (
  `customer_group_id` int unsigned NOT NULL AUTO_INCREMENT, `customer_group_code` varchar(32) NOT NULL,
  `tax_class_id` int unsigned NOT NULL DEFAULT 0, PRIMARY KEY (`customer_group_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#customer_entity` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `website_id` smallint unsigned DEFAULT NULL, `email` varchar(255) DEFAULT NULL,
  `group_id` smallint unsigned NOT NULL DEFAULT 0, `store_id` smallint unsigned DEFAULT 0, `firstname` varchar(255) DEFAULT NULL,
  `lastname` varchar(255) DEFAULT NULL, `dob` date DEFAULT NULL, `password_hash` varchar(128) DEFAULT NULL,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, `updated_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`entity_id`), UNIQUE KEY `CUSTOMER_ENTITY_EMAIL` (`email`,`website_id`), KEY `CUSTOMER_ENTITY_NAME` (`lastname`(40)),
  CONSTRAINT `#CUSTOMER_STORE` FOREIGN KEY (`store_id`) REFERENCES `#store` (`store_id`) ON DELETE SET NULL,
  CONSTRAINT `#CUSTOMER_WEBSITE` FOREIGN KEY (`website_id`) REFERENCES `#store_website` (`website_id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#customer_address_entity` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `parent_id` int unsigned DEFAULT NULL, `city` varchar(255) NOT NULL,
  `country_id` varchar(255) NOT NULL, `street` text NOT NULL, `postcode` varchar(255) DEFAULT NULL, `telephone` varchar(255) NOT NULL,
  PRIMARY KEY (`entity_id`), KEY `CUSTOMER_ADDRESS_PARENT` (`parent_id`),
  CONSTRAINT `#CUSTOMER_ADDRESS` FOREIGN KEY (`parent_id`) REFERENCES `#customer_entity` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#customer_log` (
  `log_id` int NOT NULL AUTO_INCREMENT, `customer_id` int NOT NULL, `last_login_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`log_id`), UNIQUE KEY `CUSTOMER_LOG_CUSTOMER` (`customer_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#customer_visitor` (
  `visitor_id` bigint unsigned NOT NULL AUTO_INCREMENT, `session_id` varchar(64) DEFAULT NULL, `last_visit_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`visitor_id`), KEY `CUSTOMER_VISITOR_LAST` (`last_visit_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#catalog_category_entity` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `attribute_set_id` smallint unsigned NOT NULL DEFAULT 0,
  `parent_id` int unsigned NOT NULL DEFAULT 0, `path` varchar(255) NOT NULL, `position` int NOT NULL, `level` int NOT NULL DEFAULT 0,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (`entity_id`), KEY `CATALOG_CATEGORY_PATH` (`path`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#catalog_product_entity` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `attribute_set_id` smallint unsigned NOT NULL DEFAULT 0,
  `type_id` varchar(32) NOT NULL DEFAULT 'simple', `sku` varchar(64) NOT NULL, `has_options` smallint NOT NULL DEFAULT 0,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, `updated_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`entity_id`), KEY `CATALOG_PRODUCT_SKU` (`sku`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#catalog_category_product` (
  `entity_id` int NOT NULL AUTO_INCREMENT, `category_id` int unsigned NOT NULL DEFAULT 0, `product_id` int unsigned NOT NULL DEFAULT 0,
  `position` int NOT NULL DEFAULT 0, PRIMARY KEY (`entity_id`,`category_id`,`product_id`),
  UNIQUE KEY `CATALOG_CATEGORY_PRODUCT_UNIQUE` (`category_id`,`product_id`),
  CONSTRAINT `#CAT_PRODUCT_CATEGORY` FOREIGN KEY (`category_id`) REFERENCES `#catalog_category_entity` (`entity_id`) ON DELETE CASCADE,
  CONSTRAINT `#CAT_PRODUCT_PRODUCT` FOREIGN KEY (`product_id`) REFERENCES `#catalog_product_entity` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#catalog_product_website` (
  `product_id` int unsigned NOT NULL, `website_id` smallint unsigned NOT NULL, PRIMARY KEY (`product_id`,`website_id`),
  CONSTRAINT `#PRODUCT_WEBSITE_PRODUCT` FOREIGN KEY (`product_id`) REFERENCES `#catalog_product_entity` (`entity_id`) ON DELETE CASCADE,
  CONSTRAINT `#PRODUCT_WEBSITE_WEBSITE` FOREIGN KEY (`website_id`) REFERENCES `#store_website` (`website_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#catalog_product_relation` (
  `parent_id` int unsigned NOT NULL, `child_id` int unsigned NOT NULL, PRIMARY KEY (`parent_id`,`child_id`),
  CONSTRAINT `#PRODUCT_RELATION_CHILD` FOREIGN KEY (`child_id`) REFERENCES `#catalog_product_entity` (`entity_id`) ON DELETE CASCADE,
  CONSTRAINT `#PRODUCT_RELATION_PARENT` FOREIGN KEY (`parent_id`) REFERENCES `#catalog_product_entity` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#catalog_product_entity_media_gallery` (
  `value_id` int unsigned NOT NULL AUTO_INCREMENT, `attribute_id` smallint unsigned NOT NULL DEFAULT 0, `value` varchar(255) DEFAULT NULL,
  `media_type` varchar(32) NOT NULL DEFAULT 'image', PRIMARY KEY (`value_id`),
  CONSTRAINT `#MEDIA_GALLERY_ATTRIBUTE` FOREIGN KEY (`attribute_id`) REFERENCES `#eav_attribute` (`attribute_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#catalog_product_entity_media_gallery_value_to_entity` (
  `value_id` int unsigned NOT NULL, `entity_id` int unsigned NOT NULL, PRIMARY KEY (`value_id`,`entity_id`),
  CONSTRAINT `#MEDIA_GALLERY_VALUE` FOREIGN KEY (`value_id`) REFERENCES `#catalog_product_entity_media_gallery` (`value_id`) ON DELETE CASCADE,
  CONSTRAINT `#MEDIA_GALLERY_ENTITY` FOREIGN KEY (`entity_id`) REFERENCES `#catalog_product_entity` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#cataloginventory_stock` (
  `stock_id` smallint unsigned NOT NULL AUTO_INCREMENT, `website_id` smallint unsigned NOT NULL, `stock_name` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`stock_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#cataloginventory_stock_item` (
  `item_id` int unsigned NOT NULL AUTO_INCREMENT, `product_id` int unsigned NOT NULL DEFAULT 0, `stock_id` smallint unsigned NOT NULL DEFAULT 0,
  `qty` decimal(12,4) DEFAULT NULL, `min_qty` decimal(12,4) NOT NULL DEFAULT 0.0000, `is_in_stock` smallint unsigned NOT NULL DEFAULT 0,
  `low_stock_date` timestamp NULL DEFAULT NULL, PRIMARY KEY (`item_id`), UNIQUE KEY `STOCK_ITEM_PRODUCT` (`product_id`,`stock_id`),
  CONSTRAINT `#STOCK_ITEM_PRODUCT` FOREIGN KEY (`product_id`) REFERENCES `#catalog_product_entity` (`entity_id`) ON DELETE CASCADE,
  CONSTRAINT `#STOCK_ITEM_STOCK` FOREIGN KEY (`stock_id`) REFERENCES `#cataloginventory_stock` (`stock_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#cataloginventory_stock_status` (
  `product_id` int unsigned NOT NULL, `website_id` smallint unsigned NOT NULL, `stock_id` smallint unsigned NOT NULL,
  `qty` decimal(12,4) NOT NULL DEFAULT 0.0000, `stock_status` smallint unsigned NOT NULL, PRIMARY KEY (`product_id`,`website_id`,`stock_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#inventory_source` (
  `source_code` varchar(255) NOT NULL, `name` varchar(255) NOT NULL, `enabled` smallint unsigned NOT NULL DEFAULT 1,
  `latitude` decimal(8,6) DEFAULT NULL, `longitude` decimal(9,6) DEFAULT NULL, PRIMARY KEY (`source_code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#inventory_source_item` (
  `source_item_id` int unsigned NOT NULL AUTO_INCREMENT, `source_code` varchar(255) NOT NULL, `sku` varchar(64) NOT NULL,
  `quantity` decimal(12,4) NOT NULL DEFAULT 0.0000, `status` smallint unsigned NOT NULL DEFAULT 0, PRIMARY KEY (`source_item_id`),
  UNIQUE KEY `SOURCE_ITEM_UNIQUE` (`source_code`,`sku`),
  CONSTRAINT `#SOURCE_ITEM_SOURCE` FOREIGN KEY (`source_code`) REFERENCES `#inventory_source` (`source_code`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#url_rewrite` (
  `url_rewrite_id` int unsigned NOT NULL AUTO_INCREMENT, `entity_type` varchar(32) NOT NULL, `entity_id` int unsigned NOT NULL,
  `request_path` varchar(255) DEFAULT NULL, `target_path` varchar(255) DEFAULT NULL, `redirect_type` smallint unsigned NOT NULL DEFAULT 0,
  `store_id` smallint unsigned NOT NULL, `description` varchar(255) DEFAULT NULL, `metadata` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`url_rewrite_id`), UNIQUE KEY `URL_REWRITE_PATH` (`request_path`,`store_id`), KEY `URL_REWRITE_TARGET` (`target_path`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#catalog_url_rewrite_product_category` (
  `url_rewrite_id` int unsigned NOT NULL, `category_id` int unsigned NOT NULL, `product_id` int unsigned NOT NULL, PRIMARY KEY (`url_rewrite_id`),
  CONSTRAINT `#REWRITE_CATEGORY` FOREIGN KEY (`category_id`) REFERENCES `#catalog_category_entity` (`entity_id`) ON DELETE CASCADE,
  CONSTRAINT `#REWRITE_PRODUCT` FOREIGN KEY (`product_id`) REFERENCES `#catalog_product_entity` (`entity_id`) ON DELETE CASCADE,
  CONSTRAINT `#REWRITE_REWRITE` FOREIGN KEY (`url_rewrite_id`) REFERENCES `#url_rewrite` (`url_rewrite_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#quote` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `store_id` smallint unsigned NOT NULL DEFAULT 0,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, `updated_at` timestamp NOT NULL DEFAULT '0000-00-00 00:00:00',
  `converted_at` timestamp NULL DEFAULT NULL, `is_active` smallint unsigned DEFAULT 1, `grand_total` decimal(20,4) DEFAULT 0.0000,
  `customer_id` int unsigned DEFAULT NULL, `customer_email` varchar(255) DEFAULT NULL, `customer_note` text, `remote_ip` varchar(45) DEFAULT NULL,
  PRIMARY KEY (`entity_id`), KEY `QUOTE_CUSTOMER` (`customer_id`,`store_id`,`is_active`),
  CONSTRAINT `#QUOTE_STORE` FOREIGN KEY (`store_id`) REFERENCES `#store` (`store_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#quote_item` (
  `item_id` int unsigned NOT NULL AUTO_INCREMENT, `quote_id` int unsigned NOT NULL DEFAULT 0, `product_id` int unsigned DEFAULT NULL,
  `parent_item_id` int unsigned DEFAULT NULL, `sku` varchar(255) DEFAULT NULL, `name` varchar(255) DEFAULT NULL, `qty` decimal(12,4) NOT NULL DEFAULT 0.0000,
  `price` decimal(12,4) NOT NULL DEFAULT 0.0000, PRIMARY KEY (`item_id`), KEY `QUOTE_ITEM_PARENT` (`parent_item_id`),
  CONSTRAINT `#QUOTE_ITEM_PARENT` FOREIGN KEY (`parent_item_id`) REFERENCES `#quote_item` (`item_id`) ON DELETE CASCADE,
  CONSTRAINT `#QUOTE_ITEM_QUOTE` FOREIGN KEY (`quote_id`) REFERENCES `#quote` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#quote_id_mask` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `quote_id` int unsigned NOT NULL, `masked_id` varchar(32) DEFAULT NULL,
  PRIMARY KEY (`entity_id`,`quote_id`), UNIQUE KEY `QUOTE_ID_MASK_QUOTE` (`quote_id`),
  CONSTRAINT `#QUOTE_ID_MASK` FOREIGN KEY (`quote_id`) REFERENCES `#quote` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#sales_order_status` (
  `status` varchar(32) NOT NULL, `label` varchar(128) NOT NULL, PRIMARY KEY (`status`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#sales_order_status_state` (
  `status` varchar(32) NOT NULL, `state` varchar(32) NOT NULL, `is_default` smallint unsigned NOT NULL DEFAULT 0, PRIMARY KEY (`status`,`state`),
  CONSTRAINT `#ORDER_STATUS_STATE` FOREIGN KEY (`status`) REFERENCES `#sales_order_status` (`status`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#sales_order` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `state` varchar(32) DEFAULT NULL, `status` varchar(32) DEFAULT NULL,
  `protect_code` varchar(255) DEFAULT NULL, `store_id` smallint unsigned DEFAULT NULL, `customer_id` int unsigned DEFAULT NULL,
  `base_grand_total` decimal(20,4) DEFAULT NULL, `grand_total` decimal(20,4) DEFAULT NULL, `weight` decimal(12,4) DEFAULT NULL,
  `increment_id` varchar(50) DEFAULT NULL, `customer_email` varchar(128) DEFAULT NULL, `customer_firstname` varchar(128) DEFAULT NULL,
  `customer_dob` datetime DEFAULT NULL, `customer_note` text, `applied_rule_ids` varchar(128) DEFAULT NULL, `remote_ip` varchar(45) DEFAULT NULL,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, `updated_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`entity_id`), UNIQUE KEY `SALES_ORDER_INCREMENT` (`increment_id`,`store_id`), KEY `SALES_ORDER_STATUS` (`status`), KEY `SALES_ORDER_CREATED` (`created_at`),
  CONSTRAINT `#SALES_ORDER_CUSTOMER` FOREIGN KEY (`customer_id`) REFERENCES `#customer_entity` (`entity_id`) ON DELETE SET NULL,
  CONSTRAINT `#SALES_ORDER_STORE` FOREIGN KEY (`store_id`) REFERENCES `#store` (`store_id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#sales_order_item` (
  `item_id` int unsigned NOT NULL AUTO_INCREMENT, `order_id` int unsigned NOT NULL DEFAULT 0, `product_id` int unsigned DEFAULT NULL,
  `product_options` longtext, `sku` varchar(255) DEFAULT NULL, `name` varchar(255) DEFAULT NULL, `qty_ordered` decimal(12,4) DEFAULT 0.0000,
  `price` decimal(12,4) NOT NULL DEFAULT 0.0000, `row_total` decimal(20,4) NOT NULL DEFAULT 0.0000, `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`item_id`), KEY `ORDER_ITEM_ORDER` (`order_id`),
  CONSTRAINT `#ORDER_ITEM_ORDER` FOREIGN KEY (`order_id`) REFERENCES `#sales_order` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#sales_order_address` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `parent_id` int unsigned DEFAULT NULL, `address_type` varchar(255) DEFAULT NULL,
  `street` varchar(255) DEFAULT NULL, `city` varchar(255) DEFAULT NULL, `country_id` varchar(2) DEFAULT NULL, PRIMARY KEY (`entity_id`),
  CONSTRAINT `#ORDER_ADDRESS_ORDER` FOREIGN KEY (`parent_id`) REFERENCES `#sales_order` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#sales_order_payment` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `parent_id` int unsigned NOT NULL, `method` varchar(128) DEFAULT NULL,
  `amount_paid` decimal(20,4) DEFAULT NULL, `additional_information` text, PRIMARY KEY (`entity_id`),
  CONSTRAINT `#ORDER_PAYMENT_ORDER` FOREIGN KEY (`parent_id`) REFERENCES `#sales_order` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#sales_order_status_history` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `parent_id` int unsigned NOT NULL, `comment` text, `status` varchar(32) DEFAULT NULL,
  PRIMARY KEY (`entity_id`),
  CONSTRAINT `#ORDER_HISTORY_ORDER` FOREIGN KEY (`parent_id`) REFERENCES `#sales_order` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#sales_order_grid` (
  `entity_id` int unsigned NOT NULL, `status` varchar(32) DEFAULT NULL, `increment_id` varchar(50) DEFAULT NULL,
  `billing_name` varchar(255) DEFAULT NULL, `grand_total` decimal(20,4) DEFAULT NULL, PRIMARY KEY (`entity_id`),
  FULLTEXT KEY `SALES_ORDER_GRID_TEXT` (`increment_id`,`billing_name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#sales_invoice` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `order_id` int unsigned NOT NULL, `increment_id` varchar(50) DEFAULT NULL,
  `grand_total` decimal(20,4) DEFAULT NULL, `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (`entity_id`),
  CONSTRAINT `#INVOICE_ORDER` FOREIGN KEY (`order_id`) REFERENCES `#sales_order` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#sales_shipment` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `order_id` int unsigned NOT NULL, `increment_id` varchar(50) DEFAULT NULL,
  `shipping_label` mediumblob, PRIMARY KEY (`entity_id`),
  CONSTRAINT `#SHIPMENT_ORDER` FOREIGN KEY (`order_id`) REFERENCES `#sales_order` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#sales_creditmemo` (
  `entity_id` int unsigned NOT NULL AUTO_INCREMENT, `order_id` int unsigned NOT NULL, `grand_total` decimal(20,4) DEFAULT NULL, PRIMARY KEY (`entity_id`),
  CONSTRAINT `#CREDITMEMO_ORDER` FOREIGN KEY (`order_id`) REFERENCES `#sales_order` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#sales_sequence_meta` (
  `meta_id` int unsigned NOT NULL AUTO_INCREMENT, `entity_type` varchar(32) NOT NULL, `store_id` smallint unsigned NOT NULL,
  `sequence_table` varchar(64) NOT NULL, PRIMARY KEY (`meta_id`), UNIQUE KEY `SEQUENCE_META_UNIQUE` (`entity_type`,`store_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#sales_sequence_profile` (
  `profile_id` int unsigned NOT NULL AUTO_INCREMENT, `meta_id` int unsigned NOT NULL, `prefix` varchar(32) DEFAULT NULL, `start_value` int unsigned NOT NULL DEFAULT 1,
  `step` int unsigned NOT NULL DEFAULT 1, PRIMARY KEY (`profile_id`),
  CONSTRAINT `#SEQUENCE_PROFILE_META` FOREIGN KEY (`meta_id`) REFERENCES `#sales_sequence_meta` (`meta_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#cms_page` (
  `page_id` smallint NOT NULL AUTO_INCREMENT, `title` varchar(255) DEFAULT NULL, `identifier` varchar(100) DEFAULT NULL, `content` mediumtext,
  PRIMARY KEY (`page_id`), FULLTEXT KEY `CMS_PAGE_TEXT` (`title`,`content`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `#cms_page_store` (
  `page_id` smallint NOT NULL, `store_id` smallint unsigned NOT NULL, PRIMARY KEY (`page_id`,`store_id`),
  CONSTRAINT `#CMS_PAGE_STORE_PAGE` FOREIGN KEY (`page_id`) REFERENCES `#cms_page` (`page_id`) ON DELETE CASCADE,
  CONSTRAINT `#CMS_PAGE_STORE_STORE` FOREIGN KEY (`store_id`) REFERENCES `#store` (`store_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#cms_block` (
  `block_id` smallint NOT NULL AUTO_INCREMENT, `title` varchar(255) NOT NULL, `identifier` varchar(255) NOT NULL, `content` mediumtext, PRIMARY KEY (`block_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#admin_user` (
  `user_id` int unsigned NOT NULL AUTO_INCREMENT, `email` varchar(128) DEFAULT NULL, `username` varchar(40) DEFAULT NULL, `password` varchar(255) NOT NULL,
  `modified` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, `extra` text, PRIMARY KEY (`user_id`), UNIQUE KEY `ADMIN_USER_NAME` (`username`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#authorization_role` (
  `role_id` int unsigned NOT NULL AUTO_INCREMENT, `parent_id` int unsigned NOT NULL DEFAULT 0, `role_type` varchar(1) NOT NULL DEFAULT '0', `role_name` varchar(50) DEFAULT NULL,
  PRIMARY KEY (`role_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#authorization_rule` (
  `rule_id` int unsigned NOT NULL AUTO_INCREMENT, `role_id` int unsigned NOT NULL, `resource_id` varchar(255) DEFAULT NULL, `permission` varchar(10) DEFAULT NULL,
  PRIMARY KEY (`rule_id`), CONSTRAINT `#RULE_ROLE` FOREIGN KEY (`role_id`) REFERENCES `#authorization_role` (`role_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#cron_schedule` (
  `schedule_id` int unsigned NOT NULL AUTO_INCREMENT, `job_code` varchar(255) NOT NULL DEFAULT '0', `status` varchar(7) NOT NULL DEFAULT 'pending', `messages` text,
  `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, `scheduled_at` timestamp NULL DEFAULT NULL, PRIMARY KEY (`schedule_id`), KEY `CRON_SCHEDULE_CODE` (`job_code`,`status`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#indexer_state` (
  `state_id` int unsigned NOT NULL AUTO_INCREMENT, `indexer_id` varchar(255) DEFAULT NULL, `status` varchar(16) DEFAULT 'invalid', `updated` datetime DEFAULT NULL,
  `hash_config` varchar(32) NOT NULL, PRIMARY KEY (`state_id`), KEY `INDEXER_STATE_ID` (`indexer_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#mview_state` (
  `state_id` int unsigned NOT NULL AUTO_INCREMENT, `view_id` varchar(255) DEFAULT NULL, `mode` varchar(16) DEFAULT 'disabled', `status` varchar(16) DEFAULT 'idle',
  `updated` datetime DEFAULT NULL, `version_id` int unsigned DEFAULT NULL, PRIMARY KEY (`state_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#flag` (
  `flag_id` int unsigned NOT NULL AUTO_INCREMENT, `flag_code` varchar(255) NOT NULL, `state` smallint unsigned NOT NULL DEFAULT 0, `flag_data` mediumtext,
  `last_update` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, PRIMARY KEY (`flag_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#session` (
  `session_id` varchar(255) NOT NULL, `session_expires` int unsigned NOT NULL DEFAULT 0, `session_data` mediumblob NOT NULL, PRIMARY KEY (`session_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#queue` (
  `id` int unsigned NOT NULL AUTO_INCREMENT, `name` varchar(255) DEFAULT NULL, PRIMARY KEY (`id`), UNIQUE KEY `QUEUE_NAME` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#queue_message` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT, `topic_name` varchar(255) DEFAULT NULL, `body` longtext, PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#queue_message_status` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT, `queue_id` int unsigned NOT NULL, `message_id` bigint unsigned NOT NULL, `status` smallint unsigned NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `#QUEUE_STATUS_MESSAGE` FOREIGN KEY (`message_id`) REFERENCES `#queue_message` (`id`) ON DELETE CASCADE,
  CONSTRAINT `#QUEUE_STATUS_QUEUE` FOREIGN KEY (`queue_id`) REFERENCES `#queue` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#review` (
  `review_id` bigint unsigned NOT NULL AUTO_INCREMENT, `created_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, `entity_pk_value` int unsigned NOT NULL DEFAULT 0, PRIMARY KEY (`review_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#review_detail` (
  `detail_id` bigint unsigned NOT NULL AUTO_INCREMENT, `review_id` bigint unsigned NOT NULL DEFAULT 0, `store_id` smallint unsigned DEFAULT 0, `title` varchar(255) NOT NULL,
  `detail` text NOT NULL, `customer_id` int unsigned DEFAULT NULL, PRIMARY KEY (`detail_id`),
  CONSTRAINT `#REVIEW_DETAIL_CUSTOMER` FOREIGN KEY (`customer_id`) REFERENCES `#customer_entity` (`entity_id`) ON DELETE SET NULL,
  CONSTRAINT `#REVIEW_DETAIL_REVIEW` FOREIGN KEY (`review_id`) REFERENCES `#review` (`review_id`) ON DELETE CASCADE,
  CONSTRAINT `#REVIEW_DETAIL_STORE` FOREIGN KEY (`store_id`) REFERENCES `#store` (`store_id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE `#report_event` (
  `event_id` bigint unsigned NOT NULL AUTO_INCREMENT, `logged_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, `event_type_id` smallint unsigned NOT NULL DEFAULT 0,
  `object_id` int unsigned NOT NULL DEFAULT 0, PRIMARY KEY (`event_id`), KEY `REPORT_EVENT_TYPE` (`event_type_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#directory_country` (
  `country_id` varchar(2) NOT NULL, `iso3_code` varchar(3) DEFAULT NULL, PRIMARY KEY (`country_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#tax_class` (
  `class_id` smallint NOT NULL AUTO_INCREMENT, `class_name` varchar(255) NOT NULL, `class_type` varchar(8) NOT NULL DEFAULT 'CUSTOMER', PRIMARY KEY (`class_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#newsletter_subscriber` (
  `subscriber_id` int unsigned NOT NULL AUTO_INCREMENT, `store_id` smallint unsigned DEFAULT 0, `change_status_at` timestamp NULL DEFAULT NULL, `subscriber_email` varchar(150) DEFAULT NULL,
  PRIMARY KEY (`subscriber_id`), CONSTRAINT `#SUBSCRIBER_STORE` FOREIGN KEY (`store_id`) REFERENCES `#store` (`store_id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#wishlist` (
  `wishlist_id` int unsigned NOT NULL AUTO_INCREMENT, `customer_id` int unsigned NOT NULL DEFAULT 0, `sharing_code` varchar(32) DEFAULT NULL, PRIMARY KEY (`wishlist_id`),
  CONSTRAINT `#WISHLIST_CUSTOMER` FOREIGN KEY (`customer_id`) REFERENCES `#customer_entity` (`entity_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#theme` (
  `theme_id` int unsigned NOT NULL AUTO_INCREMENT, `parent_id` int DEFAULT NULL, `theme_path` varchar(255) DEFAULT NULL, PRIMARY KEY (`theme_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `#translation` (
  `key_id` int unsigned NOT NULL AUTO_INCREMENT, `string` varchar(255) NOT NULL DEFAULT 'Translate String', `translate` varchar(255) DEFAULT NULL, `crc_string` bigint NOT NULL DEFAULT 1591228201,
  PRIMARY KEY (`key_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
-- Tables of third-party modules: no primary key, a binary key, a name of 64 characters, every type.
CREATE TABLE `#acme_feed_log` (
  `message` varchar(255) DEFAULT NULL, `level` enum('debug','it''s','warn\\ing') DEFAULT 'debug', `flags` set('a','b','c') DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `#acme_token` (
  `token` varbinary(16) NOT NULL, `payload` longblob, `bits` bit(11) DEFAULT NULL, PRIMARY KEY (`token`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=COMPRESSED;
CREATE TABLE `#acme_measure` (
  `measure_id` bigint NOT NULL AUTO_INCREMENT, `half` float DEFAULT NULL, `whole` double DEFAULT NULL, `exact` decimal(38,10) DEFAULT NULL, `tiny` tinyint(1) DEFAULT NULL,
  `medium` mediumint DEFAULT NULL, `huge` bigint unsigned DEFAULT NULL, `at_year` year DEFAULT NULL, `at_time` time(3) DEFAULT NULL, `at_date` date DEFAULT NULL,
  `at_moment` datetime(6) DEFAULT NULL, `document` json DEFAULT NULL, `place` point DEFAULT NULL, `fixed` char(8) DEFAULT NULL, `raw` binary(4) DEFAULT NULL,
  `twice` bigint GENERATED ALWAYS AS (`medium` * 2) VIRTUAL, `kept` varchar(20) GENERATED ALWAYS AS (concat('m',`medium`)) STORED, `select` varchar(20) DEFAULT 'a;b''c',
  PRIMARY KEY (`measure_id`), KEY `ACME_MEASURE_KEPT` (`kept`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='It''s `quoted`; and "so" on';
CREATE TABLE `#acme_legacy` (
  `id` int NOT NULL AUTO_INCREMENT, `note` text, PRIMARY KEY (`id`), FULLTEXT KEY `ACME_LEGACY_NOTE` (`note`)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
