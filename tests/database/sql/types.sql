SET sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_UNSIGNED_SUBTRACTION';
CREATE TABLE numbers_ (id int NOT NULL PRIMARY KEY, t tinyint, u bigint unsigned, z int(8) zerofill,
 d decimal(65,30), f float, g double, h float(10,3), y year, b bit(64), c bit(1), o boolean);
INSERT INTO numbers_ VALUES
 (-5,-128,18446744073709551615,42,-12345678901234567890123456789012345.123456789012345678901234567890,
  16777216,1e308,1.005,2155,b'1111111111111111111111111111111111111111111111111111111111111111',b'1',1),
 (0,0,0,0,0,1.17549435e-38,5e-324,0,0,0,b'0',0),
 (1,127,9223372036854775808,99999999,0.1,3.402823466e38,-0e0,-1.5,1901,b'101',NULL,NULL),
 (2,NULL,NULL,NULL,NULL,1.2345678,1.7976931348623157e308,NULL,NULL,NULL,NULL,NULL),
 (3,1,1,1,1,0.1,0.1,0.1,2000,1,1,1),(2147483647,1,1,1,1,33554432,1e15,123.456,2000,1,1,1);
INSERT INTO numbers_ (id,f,g) SELECT seq+10, RAND(seq)*POW(10,seq%70-35), RAND(seq+1)*POW(10,seq%600-300) FROM seq_1_to_500;
CREATE TABLE times (id int NOT NULL PRIMARY KEY, a date, b datetime(6), c timestamp(3) NULL, d time(6), e timestamp NULL);
SET time_zone='+01:00';
INSERT INTO times VALUES (1,'0000-00-00','0000-00-00 00:00:00','0000-00-00 00:00:00','-838:59:59','2038-01-19 04:14:07'),
 (2,'2024-02-31','9999-12-31 23:59:59.999999','2020-03-29 02:30:00.123','838:59:59','1970-01-01 01:00:01'),
 (3,'2024-00-10','2024-10-27 02:30:00.5',NULL,'00:00:00.000001',NULL),(4,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE texts (id int NOT NULL PRIMARY KEY, a varchar(200), b text NOT NULL, c char(10),
 l varchar(300) CHARACTER SET latin1, l2 varchar(300) CHARACTER SET latin2, u3 text CHARACTER SET utf8mb3,
 w varchar(50) CHARACTER SET utf16, x varchar(50) CHARACTER SET ucs2, s varchar(50) CHARACTER SET sjis,
 g varchar(50) CHARACTER SET gbk, k varchar(50) CHARACTER SET koi8r, ci varchar(20) COLLATE utf8mb4_bin,
 bi varchar(20) CHARACTER SET binary, e enum('','a','O''x','ä','b,c'), st set('x','y''z','ä'),
 el enum('é','x') CHARACTER SET latin1, eg enum('é','x') CHARACTER SET utf16, j json);
INSERT INTO texts VALUES
 (1,'it''s \\ "q" \n\r\t\0\Z %s','😀é\\''', 'pad  ', UNHEX('80818d8f909da0ff'), UNHEX('a1ff'), 'ßéあ',
  _utf8mb4'😀a',_utf8mb4'あ',_utf8mb4'表ソ',_utf8mb4'縗',_utf8mb4'Ж','Ab',x'00ff',
  'O''x','x,y''z','é','x','{"a": "b\\/c \\u00e9 \\n"}'),
 (2,'','','',''  ,'','','','','','','','','','','',NULL,NULL,'[]'),
 (3,NULL,'x',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT IGNORE INTO texts (id,b,e,st) VALUES (4,'','no such member',''),(5,'NULL','ä','ä');
INSERT INTO texts (id,a,b) VALUES (6,'a\x01b','\x02'),(7,'\x03','\x04\x01\x01'),(8,'NULL','),('),(9,'\\n','\\\\');
INSERT INTO texts (id,b,l) SELECT 100+seq, CHAR(seq), UNHEX(HEX(seq)) FROM seq_16_to_255;
CREATE TABLE bytes_ (id int NOT NULL PRIMARY KEY, a binary(4), b varbinary(300), c blob, d longblob NOT NULL, h varchar(40) COMPRESSED);
INSERT INTO bytes_ VALUES (1,x'00',x'',x'00010203',x'27225c0a0d1a00ff',''),(2,NULL,NULL,NULL,'','x');
INSERT INTO bytes_ (id,d) SELECT seq+10, UNHEX(HEX(seq)) FROM seq_16_to_255;
CREATE TABLE spots (id int NOT NULL PRIMARY KEY, g geometry, p point NOT NULL, i inet6, i4 inet4, u uuid);
INSERT INTO spots VALUES (1,ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))',4326),ST_GeomFromText('POINT(1.1 -2e-300)',3857),'::1','10.0.0.1','123e4567-e89b-12d3-a456-426655440000'),
 (2,NULL,POINT(0,0),NULL,NULL,NULL);
CREATE TABLE derived (id int NOT NULL PRIMARY KEY AUTO_INCREMENT, a int DEFAULT (1+1), v int AS (a+1) VIRTUAL,
 s int AS (a*2) STORED, hid int INVISIBLE DEFAULT 3, `se``l"ect` int, CHECK (a > 0)) AUTO_INCREMENT=1000;
SET check_constraint_checks=0;
INSERT INTO derived (id,a,hid,`se``l"ect`) VALUES (0,1,9,1),(5,-1,8,2);
CREATE TABLE only_derived (v int AS (1) VIRTUAL);
INSERT INTO only_derived () VALUES (),();
-- history
CREATE TABLE past (id int PRIMARY KEY, v varchar(9), KEY (v)) WITH SYSTEM VERSIONING;
INSERT INTO past VALUES (1,'a'),(2,'b'); UPDATE past SET v='c'; DELETE FROM past WHERE id=2;
CREATE TABLE past_named (id int PRIMARY KEY, v int, f timestamp(6) GENERATED ALWAYS AS ROW START,
 t timestamp(6) GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (f,t)) WITH SYSTEM VERSIONING;
INSERT INTO past_named (id,v) VALUES (1,1); UPDATE past_named SET v=2;
