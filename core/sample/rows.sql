-- The rows of the sample store. `#` stands for the table prefix, {products} and the like for counts,
-- {seed} for the seed: R(x) below is CRC32 of the row's number with the seed, the same everywhere.
INSERT INTO `#setup_module` SELECT CONCAT('Sample_Module', n), '2.0.1', '2.0.1' FROM `#sample_numbers` WHERE n <= 150;
INSERT INTO `#setup_module` VALUES ('Magento_Store', '2.1.0', NULL);
INSERT INTO `#patch_list` (`patch_name`) SELECT CONCAT('Magento\\Sample\\Setup\\Patch\\Data\\Patch', n) FROM `#sample_numbers` WHERE n <= 80;
INSERT INTO `#core_config_data` (`scope`,`scope_id`,`path`,`value`) VALUES
  ('default', 0, 'web/unsecure/base_url', 'http://shop.example/'), ('default', 0, 'web/secure/base_url', 'https://shop.example/'),
  ('default', 0, 'general/locale/code', 'en_US'), ('default', 0, 'design/head/includes', '<script>var a = "it''s; fine";</script>\n-- not a comment\n'),
  ('websites', 1, 'currency/options/base', 'EUR'), ('stores', 1, 'general/store_information/name', NULL), ('default', 0, 'sample/empty', '');
INSERT INTO `#core_config_data` (`path`,`value`) SELECT CONCAT('section', n % 40, '/group', n % 7, '/field', n), LEFT(SHA2(CONCAT({seed}, n), 256), 32) FROM `#sample_numbers` WHERE n <= 300;
INSERT INTO `#store_website` VALUES (0, 'admin', 'Admin', 0, 0, 0), (1, 'base', 'Main Website', 0, 1, 1), (2, 'wholesale', 'Großhandel', 1, 2, 0);
INSERT INTO `#store_group` VALUES (0, 0, 'Default', 0, 0, 'default'), (1, 1, 'Main Website Store', 2, 1, 'main_website_store'), (2, 2, 'Wholesale', 2, 2, 'wholesale');
INSERT INTO `#store` VALUES (0, 'admin', 0, 0, 'Admin', 0, 1), (1, 'default', 1, 1, 'Default Store View', 0, 1), (2, 'wholesale', 2, 2, 'Wholesale', 0, 1);
INSERT INTO `#eav_entity_type` VALUES (1, 'customer', 'Magento\\Customer\\Model\\ResourceModel\\Customer'), (2, 'customer_address', 'x'), (3, 'catalog_category', 'x'), (4, 'catalog_product', 'x');
INSERT INTO `#eav_attribute_set` SELECT n, n, 'Default' FROM `#sample_numbers` WHERE n <= 4;
INSERT INTO `#eav_attribute` SELECT n, 1 + n % 4, CONCAT('attribute_', n), ELT(1 + n % 5, 'varchar', 'int', 'decimal', 'text', 'datetime'), CONCAT('Attribute ', n), n % 2, NULL FROM `#sample_numbers` WHERE n <= 140;
INSERT INTO `#eav_attribute_option` SELECT n, 1 + n % 140, n FROM `#sample_numbers` WHERE n <= 200;
INSERT INTO `#eav_attribute_option_value` (`option_id`,`store_id`,`value`) SELECT n, n % 3, CONCAT('Option ', n, ELT(1 + n % 3, '', ' ü', ' 🛒')) FROM `#sample_numbers` WHERE n <= 200;
INSERT INTO `#customer_group` VALUES (0, 'NOT LOGGED IN', 3), (1, 'General', 3), (2, 'Wholesale', 3), (3, 'Retailer', 3);
INSERT INTO `#customer_entity` SELECT n, 1 + n % 2, CONCAT('person', n, '@shop.example'), 1 + n % 3, 1 + n % 2, ELT(1 + CRC32(CONCAT({seed}, n)) % 5, 'Anna', 'Björn', 'Σοφία', '太郎', 'O''Neil'), CONCAT('Name', LEFT(SHA2(CONCAT({seed}, n), 256), 32)), IF(n % 9, DATE_ADD('1950-01-01', INTERVAL n % 18000 DAY), '0000-00-00'), CONCAT(SHA2(CONCAT({seed}, n), 256), ':', LEFT(SHA2(n, 256), 32), ':1'), DATE_ADD('2021-01-01 00:00:00', INTERVAL n * 613 % 80000000 SECOND), '2023-05-06 07:08:09' FROM `#sample_numbers` WHERE n <= {customers};
INSERT INTO `#customer_address_entity` SELECT n, n, ELT(1 + n % 4, 'Berlin', 'Zürich', '東京', 'San José'), 'DE', CONCAT(n % 200, ' Main Street', CHAR(10), 'Back door'), LPAD(n % 100000, 5, '0'), CONCAT('+49 ', n) FROM `#sample_numbers` WHERE n <= {customers};
INSERT INTO `#customer_log` (`customer_id`,`last_login_at`) SELECT n, IF(n % 3, '2023-10-29 00:30:00', NULL) FROM `#sample_numbers` WHERE n <= {customers};
INSERT INTO `#customer_visitor` (`session_id`,`last_visit_at`) SELECT LEFT(SHA2(CONCAT('v', {seed}, n), 256), 32), DATE_ADD('2023-01-01 00:00:00', INTERVAL n % 20000000 SECOND) FROM `#sample_numbers` WHERE n <= {customers} * 2;
INSERT INTO `#catalog_category_entity` SELECT n, 3, IF(n < 3, n - 1, 2 + n % 5), CONCAT('1/2/', n), n, 2, '2022-01-01 00:00:00' FROM `#sample_numbers` WHERE n <= {categories};
INSERT INTO `#catalog_product_entity` SELECT n, 4, ELT(1 + n % 9, 'simple', 'configurable', 'simple', 'simple', 'virtual', 'simple', 'bundle', 'simple', 'grouped'), CONCAT(UPPER(LEFT(LEFT(SHA2(CONCAT({seed}, n), 256), 32), 6)), '-', n), n % 2, DATE_ADD('2020-01-01 00:00:00', INTERVAL n * 977 % 90000000 SECOND), '2023-05-06 07:08:09' FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#catalog_category_product` (`category_id`,`product_id`,`position`) SELECT 1 + CRC32(CONCAT({seed}, n)) % {categories}, n, n % 50 FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#catalog_product_website` SELECT n, 1 + n % 2 FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#catalog_product_relation` SELECT n, n + 1 FROM `#sample_numbers` WHERE n < {products} AND n % 9 = 1;
INSERT INTO `#catalog_product_entity_media_gallery` SELECT n, 1 + n % 140, CONCAT('/', LEFT(LEFT(SHA2(n, 256), 32), 1), '/', SUBSTR(LEFT(SHA2(n, 256), 32), 2, 1), '/', LEFT(SHA2(CONCAT({seed}, n), 256), 32), '.jpg'), 'image' FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#catalog_product_entity_media_gallery_value_to_entity` SELECT n, n FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#cataloginventory_stock` VALUES (1, 0, 'Default');
INSERT INTO `#cataloginventory_stock_item` SELECT n, n, 1, CRC32(CONCAT({seed}, n)) % 10000 / 4, 0, n % 7 > 0, IF(n % 7, NULL, '2023-03-26 01:30:00') FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#cataloginventory_stock_status` SELECT n, 0, 1, CRC32(CONCAT({seed}, n)) % 10000 / 4, n % 7 > 0 FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#inventory_source` VALUES ('default', 'Default Source', 1, 52.520008, 13.404954), ('nord', 'Lager Süd–Nord', 0, NULL, -0.5);
INSERT INTO `#inventory_source_item` (`source_code`,`sku`,`quantity`,`status`) SELECT 'default', `sku`, `entity_id` % 90, 1 FROM `#catalog_product_entity` ORDER BY `entity_id`;
INSERT INTO `#url_rewrite` SELECT n, ELT(1 + n % 3, 'product', 'category', 'cms-page'), n, CONCAT('path-', n, '/', SUBSTR(LEFT(SHA2(CONCAT({seed}, n), 256), 32), 1, 12), '.html'), CONCAT('catalog/product/view/id/', n), IF(n % 11, 0, 301), 1 + n % 2, NULL, IF(n % 5, NULL, CONCAT('{"category_id":"', n % 30, '"}')) FROM `#sample_numbers` WHERE n <= {rewrites};
INSERT INTO `#catalog_url_rewrite_product_category` SELECT n, 1 + n % {categories}, n FROM `#sample_numbers` WHERE n <= {products} AND n % 3 = 0;
INSERT INTO `#quote` SELECT n, n % 3, DATE_ADD('2022-06-01 00:00:00', INTERVAL n * 331 % 30000000 SECOND), IF(n % 13, '2023-01-02 03:04:05', '0000-00-00 00:00:00'), IF(n % 2, NULL, '2023-02-03 04:05:06'), n % 2, n % 1000 / 7, IF(n % 3, 1 + n % {customers}, NULL), CONCAT('person', n, '@shop.example'), ELT(1 + n % 4, NULL, '', 'Please ring twice 🔔🔔', 'tab\there, back\\slash, quote''s'), '203.0.113.9' FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#quote_item` SELECT n, n, 1 + n % {products}, IF(n % 10, NULL, n - 1), CONCAT('SKU-', n), CONCAT('Product ', n, ' – größe'), 1 + n % 5, n % 500 / 3 FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#quote_id_mask` (`quote_id`,`masked_id`) SELECT n, LEFT(SHA2(CONCAT('m', {seed}, n), 256), 32) FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#sales_order_status` VALUES ('pending', 'Pending'), ('processing', 'Processing'), ('complete', 'Complete'), ('canceled', 'Canceled');
INSERT INTO `#sales_order_status_state` VALUES ('pending', 'new', 1), ('processing', 'processing', 1), ('complete', 'complete', 1), ('canceled', 'canceled', 1);
INSERT INTO `#sales_order` SELECT n, ELT(1 + n % 3, 'new', 'processing', 'complete'), ELT(1 + n % 3, 'pending', 'processing', 'complete'), LEFT(SHA2(CONCAT('p', {seed}, n), 256), 32), 1 + n % 2, IF(n % 4, 1 + n % {customers}, NULL), n % 9000 / 7, n % 9000 / 7, n % 40, LPAD(n, 9, '0'), CONCAT('person', n, '@shop.example'), ELT(1 + n % 4, 'Anna', 'Björn', '太郎', NULL), IF(n % 6, NULL, '0000-00-00 00:00:00'), IF(n % 8, NULL, '🎁 as a present; "thank you"'), NULL, '2001:db8::1', DATE_ADD('2022-06-01 00:00:00', INTERVAL n * 331 % 30000000 SECOND), '2023-05-06 07:08:09' FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#sales_order_item` (`order_id`,`product_id`,`product_options`,`sku`,`name`,`qty_ordered`,`price`,`row_total`,`created_at`) SELECT n, 1 + n % {products}, CONCAT('{"info_buyRequest":{"qty":', 1 + n % 5, ',"uenc":"', REPEAT(LEFT(SHA2(CONCAT({seed}, n), 256), 32), 1 + n % 12), '"}}'), CONCAT('SKU-', n), CONCAT('Product ', n), 1 + n % 5, n % 500 / 3, n % 900 / 3, '2023-05-06 07:08:09' FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#sales_order_item` (`order_id`,`product_id`,`sku`,`name`,`qty_ordered`,`price`,`row_total`,`created_at`) SELECT n, 1 + n % {products}, CONCAT('SKU-', n + 1), CONCAT('Second product ', n), 1, n % 300 / 3, n % 300 / 3, '2023-05-06 07:08:10' FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#sales_order_address` (`parent_id`,`address_type`,`street`,`city`,`country_id`) SELECT n, 'billing', CONCAT(n % 200, ' Main Street'), ELT(1 + n % 3, 'Berlin', 'Łódź', 'Αθήνα'), 'DE' FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#sales_order_payment` (`parent_id`,`method`,`amount_paid`,`additional_information`) SELECT n, 'checkmo', IF(n % 3, n % 900 / 7, NULL), '{"method_title":"Check \\/ Money order"}' FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#sales_order_status_history` (`parent_id`,`comment`,`status`) SELECT n, IF(n % 5, NULL, CONCAT('Called 📞 at ', n)), 'pending' FROM `#sample_numbers` WHERE n <= {orders};
INSERT INTO `#sales_order_grid` SELECT `entity_id`, `status`, `increment_id`, `customer_firstname`, `grand_total` FROM `#sales_order` ORDER BY `entity_id`;
INSERT INTO `#sales_invoice` (`order_id`,`increment_id`,`grand_total`,`created_at`) SELECT n, LPAD(n, 9, '0'), n % 9000 / 7, '2023-05-06 07:08:09' FROM `#sample_numbers` WHERE n <= {orders} AND n % 2 = 0;
INSERT INTO `#sales_shipment` (`order_id`,`increment_id`,`shipping_label`) SELECT n, LPAD(n, 9, '0'), IF(n % 6, NULL, UNHEX(REPEAT(SHA2(CONCAT({seed}, n), 512), 24))) FROM `#sample_numbers` WHERE n <= {orders} AND n % 3 = 0;
INSERT INTO `#sales_creditmemo` (`order_id`,`grand_total`) SELECT n, n % 90 / 7 FROM `#sample_numbers` WHERE n <= {orders} AND n % 20 = 0;
INSERT INTO `#sales_sequence_meta` (`entity_type`,`store_id`,`sequence_table`) SELECT ELT(n, 'order', 'invoice', 'creditmemo', 'shipment'), 1, CONCAT('#sequence_', ELT(n, 'order', 'invoice', 'creditmemo', 'shipment'), '_1') FROM `#sample_numbers` WHERE n <= 4;
INSERT INTO `#sales_sequence_profile` (`meta_id`,`prefix`) SELECT `meta_id`, NULL FROM `#sales_sequence_meta` ORDER BY `meta_id`;
INSERT INTO `#cms_page` VALUES (1, '404 Not Found', 'no-route', '<p>Nothing; here</p>\r\n'), (2, 'Home – Größe 🏠', 'home', REPEAT('<div data-x="it''s">{{widget type="x"}}</div>\n', 200));
INSERT INTO `#cms_page_store` VALUES (1, 0), (2, 0), (2, 1);
INSERT INTO `#cms_block` VALUES (1, 'Footer', 'footer', 'a\0b\Zc'), (2, 'Comment', 'comment', '/*! not a comment */ DELIMITER ;;\nDROP TABLE x;');
INSERT INTO `#admin_user` VALUES (1, 'admin@shop.example', 'admin', CONCAT(SHA2({seed}, 256), ':salt:3_32_2_67108864'), '2023-05-06 07:08:09', NULL);
INSERT INTO `#authorization_role` VALUES (1, 0, 'G', 'Administrators'), (2, 1, 'U', 'admin');
INSERT INTO `#authorization_rule` VALUES (1, 1, 'Magento_Backend::all', NULL);
INSERT INTO `#cron_schedule` (`job_code`,`status`,`created_at`) SELECT CONCAT('job_', n % 30), 'success', '2023-05-06 07:08:09' FROM `#sample_numbers` WHERE n <= 400;
INSERT INTO `#indexer_state` (`indexer_id`,`status`,`updated`,`hash_config`) SELECT CONCAT('indexer_', n), 'valid', '2023-05-06 07:08:09', LEFT(SHA2(n, 256), 32) FROM `#sample_numbers` WHERE n <= 12;
INSERT INTO `#flag` (`flag_code`,`flag_data`,`last_update`) VALUES ('analytics_link_subscription_update_reverse_counter', NULL, '2023-05-06 07:08:09');
INSERT INTO `#session` SELECT LEFT(SHA2(CONCAT('s', {seed}, n), 256), 32), 1700000000 + n, CONCAT('_session|a:1:{s:3:"key";s:8:"', UNHEX(LEFT(SHA2(CONCAT({seed}, n), 256), 16)), '";}', CHAR(0), CHAR(255)) FROM `#sample_numbers` WHERE n <= {customers} / 2;
INSERT INTO `#queue` VALUES (1, 'async.operations.all'), (2, 'codegeneratorProcessor');
INSERT INTO `#queue_message` SELECT n, 'async.operations.all', CONCAT('{"n":', n, '}') FROM `#sample_numbers` WHERE n <= 20;
INSERT INTO `#queue_message_status` (`queue_id`,`message_id`,`status`) SELECT 1 + n % 2, n, 4 FROM `#sample_numbers` WHERE n <= 20;
INSERT INTO `#review` SELECT n, '2023-05-06 07:08:09', 1 + n % {products} FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#review_detail` SELECT n, n, 1, CONCAT('Review ', n), ELT(1 + n % 3, 'Great 👍', 'Schön', 'No\r\nway'), IF(n % 2, 1 + n % {customers}, NULL) FROM `#sample_numbers` WHERE n <= {products};
INSERT INTO `#report_event` SELECT n, DATE_ADD('2023-01-01 00:00:00', INTERVAL n % 20000000 SECOND), 1 + n % 5, 1 + n % {products} FROM `#sample_numbers` WHERE n <= {rewrites};
INSERT INTO `#directory_country` VALUES ('DE', 'DEU'), ('CH', 'CHE'), ('JP', 'JPN'), ('XK', NULL);
INSERT INTO `#tax_class` VALUES (2, 'Taxable Goods', 'PRODUCT'), (3, 'Retail Customer', 'CUSTOMER');
INSERT INTO `#newsletter_subscriber` SELECT n, 1, IF(n % 4, '2023-05-06 07:08:09', NULL), CONCAT('person', n, '@shop.example') FROM `#sample_numbers` WHERE n <= {customers};
INSERT INTO `#wishlist` SELECT n, n, LEFT(SHA2(CONCAT('w', {seed}, n), 256), 32) FROM `#sample_numbers` WHERE n <= {customers};
INSERT INTO `#theme` VALUES (1, NULL, 'Magento/blank'), (2, 1, 'Magento/luma');
INSERT INTO `#translation` (`string`,`translate`) VALUES ('Add to Cart', 'In den Warenkorb'), ('Size', 'Größe');
INSERT INTO `#acme_feed_log` SELECT IF(n % 5, CONCAT('line ', n), NULL), ELT(1 + n % 3, 'debug', 'it''s', 'warn\\ing'), ELT(1 + n % 3, '', 'a,c', NULL) FROM `#sample_numbers` WHERE n <= 100;
INSERT INTO `#acme_token` SELECT UNHEX(LEFT(SHA2(CONCAT('t', {seed}, n), 256), 32)), UNHEX(REPEAT(SHA2(CONCAT('t', {seed}, n), 256), n % 40)), n % 2048 FROM `#sample_numbers` WHERE n <= 200;
INSERT INTO `#acme_token` VALUES ('', '', b'0'), (UNHEX('00'), UNHEX('00010203040506070809'), NULL), (UNHEX('FF5C27'), UNHEX('5C275C225C00'), b'11111111111');
INSERT INTO `#acme_measure` (`measure_id`,`half`,`whole`,`exact`,`tiny`,`medium`,`huge`,`at_year`,`at_time`,`at_date`,`at_moment`,`document`,`place`,`fixed`,`raw`) VALUES
  (0, 0, 0, 0, 0, 0, 0, 0, '00:00:00', '0000-00-00', '0000-00-00 00:00:00', '{}', POINT(0, 0), '', ''),
  (-5, 1.1, 1e308, -9999999999999999999999999999.9999999999, -128, -8388608, 18446744073709551615, 2155, '-838:59:59.999', '9999-12-31', '9999-12-31 23:59:59.999999', '{"a": "\\"x\\" 🛒"}', POINT(-1.5, 1e-10), 'padded  ', UNHEX('00FF00FF')),
  (1, 3.4e38, 2.2250738585072014e-308, 0.0000000001, 127, 8388607, 1, 1901, '838:59:59', '1000-01-01', '2023-00-00 00:00:00', '[1, null]', NULL, NULL, NULL),
  (2, NULL, 0.1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO `#acme_measure` (`half`,`whole`,`exact`,`medium`,`at_moment`) SELECT n / 3, n / 7, n / 11, n % 1000, DATE_ADD('2020-01-01 00:00:00.000001', INTERVAL n MICROSECOND) FROM `#sample_numbers` WHERE n <= 100;
INSERT INTO `#acme_legacy` SELECT n, CONVERT(CONCAT('caf', UNHEX('C3A9'), ' ', n) USING latin1) FROM `#sample_numbers` WHERE n <= 50;
