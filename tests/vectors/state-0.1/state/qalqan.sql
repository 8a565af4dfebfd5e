PRAGMA auto_vacuum = INCREMENTAL;
BEGIN TRANSACTION;
CREATE TABLE "addresses" (
   "mac" TEXT,
   "address" TEXT,
   "first" INTEGER,
   "last" INTEGER,
   PRIMARY KEY ("mac", "address")
) STRICT;
INSERT INTO "addresses" VALUES('02:00:00:00:00:0c','192.168.77.12',1795431602,1795431602);
INSERT INTO "addresses" VALUES('02:00:00:00:00:0a','192.168.77.10',1795431604,1795431604);
INSERT INTO "addresses" VALUES('02:00:00:00:00:0a','2001:db8:77::10',1795431604,1795431604);
INSERT INTO "addresses" VALUES('02:00:00:00:00:0b','192.168.77.11',1795431604,1795431604);
INSERT INTO "addresses" VALUES('02:00:00:00:00:0b','2001:db8:77::11',1795431604,1795431604);
INSERT INTO "addresses" VALUES('02:00:00:00:00:0c','2001:db8:77::12',1795431604,1795431604);
INSERT INTO "addresses" VALUES('02:00:00:00:00:0b','fe80::ff:fe00:b',1795431613,1795431613);
INSERT INTO "addresses" VALUES('02:00:00:00:00:0a','fe80::ff:fe00:a',1795431613,1795431613);
INSERT INTO "addresses" VALUES('02:00:00:00:00:0c','fe80::ff:fe00:c',1795431614,1795431614);
CREATE TABLE "adult_proofs" (
   "mac" TEXT PRIMARY KEY,
   "method" TEXT,
   "at" INTEGER,
   "until" INTEGER,
   "by" TEXT,
   "span" TEXT,
   "sure" INTEGER
) STRICT;
INSERT INTO "adult_proofs" VALUES('02:00:00:00:00:21','guardian',1795604401,1795618801,'Mum','lasting',1);
CREATE TABLE "agreements" (
   "profile" TEXT PRIMARY KEY,
   "digest" TEXT,
   "by" TEXT,
   "asked" TEXT,
   "side" TEXT,
   "asker" TEXT,
   "at" INTEGER,
   "since" INTEGER
) STRICT;
INSERT INTO "agreements" VALUES('daughter','d1881558134ff3d648439a6a39751b0f','Mum','','','',1795431599,NULL);
CREATE TABLE "alerts" (
   "guardian" TEXT PRIMARY KEY,
   "said" TEXT
) STRICT;
INSERT INTO "alerts" VALUES('Mum','{"address": "https://ntfy.example.org/qalqan-sample-topic", "kinds": ["request"], "at_night": [], "names": true, "inside": false, "language": "ru"}');
CREATE TABLE "announcements" (
   "told" TEXT,
   "name" TEXT,
   "device" TEXT,
   "at" INTEGER,
   "until" INTEGER,
   "sure" INTEGER
) STRICT;
INSERT INTO "announcements" VALUES('claim','Mum','02:00:00:00:00:0c',1795431602,1796036402,1);
INSERT INTO "announcements" VALUES('token','Mum','mums-phone',1795431602,1796036402,1);
INSERT INTO "announcements" VALUES('backup','console','',1795604521,1796209321,1);
CREATE TABLE "audit" (
   "at" INTEGER,
   "who" TEXT,
   "what" TEXT,
   "detail" TEXT,
   "origin" TEXT
) STRICT;
INSERT INTO "audit" VALUES(1795431004,'qalqan','step proposed','son: 13-15 → 16-17','');
INSERT INTO "audit" VALUES(1795431602,'Mum','guardian claim','Mum','192.168.77.12 02:00:00:00:00:0c');
INSERT INTO "audit" VALUES(1795431602,'Mum','guardian sign-in','Mum','192.168.77.12 02:00:00:00:00:0c');
INSERT INTO "audit" VALUES(1795431602,'Mum','guardian token','guardian guardian','192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795431599,'Mum','guardian add','Grandma','');
INSERT INTO "audit" VALUES(1795431599,'Mum','pin set','daughter','');
INSERT INTO "audit" VALUES(1795431599,'Mum','pin set','teen','');
INSERT INTO "audit" VALUES(1795431599,'Aruzhan','agree','daughter','');
INSERT INTO "audit" VALUES(1795431599,'Mum','agree','daughter','');
INSERT INTO "audit" VALUES(1795431599,'Dana','self set','teen: bedtime set, limits/play set','');
INSERT INTO "audit" VALUES(1795431600,'console','assign','02:00:00:00:00:20 home','');
INSERT INTO "audit" VALUES(1795431601,'console','assign','02:00:00:00:00:21 guest','');
INSERT INTO "audit" VALUES(1795431601,'Mum','name_device','02:00:00:00:00:20 Printer','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795431601,'Mum','device mark','02:00:00:00:00:0a no mobile data: yes','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795431601,'Mum','list_add','own-fddb2298 games https://lists.example.org/games.txt','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795431601,'Mum','list_report','bet365.com gambling','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795431601,'Mum','alerts','request','');
INSERT INTO "audit" VALUES(1795518000,'Mum','edit','daughter: block +1 -0; bedtime/school 20:45-07:00 → 20:30-07:00; limits/play 90m → 75m','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795518000,'Mum','step put off','son: 13-15 → 16-17','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795518000,'Aruzhan','request','1 daughter: site','');
INSERT INTO "audit" VALUES(1795518000,'Aruzhan','request','2 daughter: time','');
INSERT INTO "audit" VALUES(1795518000,'Mum','answer','2 daughter: time no','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795604400,'qalqan','request reminder','1 daughter: site','');
INSERT INTO "audit" VALUES(1795604400,'Mum','edit','daughter: categories/games count → ask; block +1 -0','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795604401,'console','grant','daughter 20 min: play','');
INSERT INTO "audit" VALUES(1795604401,'Mum','grant','daughter 10 min: service:youtube for youtube','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795604401,'Mum','pause','son until 2026-11-26T16:00+05:00','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795604401,'Aruzhan','request','3 daughter: site','');
INSERT INTO "audit" VALUES(1795604401,'Mum','open','daughter service:instagram until 2026-11-25T23:00+00:00','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795604401,'Mum','answer','3 daughter: site today','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795604401,'Aruzhan','request','4 daughter: time','');
INSERT INTO "audit" VALUES(1795604401,'Mum','adult guardian','02:00:00:00:00:21 until 2026-11-25T20:00+05:00','');
INSERT INTO "audit" VALUES(1795604402,'Mum','tickets','daughter: 3 of 15 min','token:guardian 192.168.77.12 02:00:00:00:00:0c mums-phone');
INSERT INTO "audit" VALUES(1795604402,'Aruzhan','ticket','daughter 15 min: play','');
INSERT INTO "audit" VALUES(1795604521,'console','backup','4 profiles','');
CREATE TABLE "bands" (
   "profile" TEXT PRIMARY KEY,
   "band" TEXT
) STRICT;
INSERT INTO "bands" VALUES('daughter','10-12');
INSERT INTO "bands" VALUES('mum','adult');
INSERT INTO "bands" VALUES('son','13-15');
INSERT INTO "bands" VALUES('teen','16-17');
CREATE TABLE "classes" (
   "slot" INTEGER,
   "gates" TEXT,
   "class" INTEGER,
   PRIMARY KEY ("slot", "gates")
) STRICT;
INSERT INTO "classes" VALUES(1,'bedtime device internet uncounted',1);
INSERT INTO "classes" VALUES(2,'device',1);
INSERT INTO "classes" VALUES(1,'bedtime device internet play service:youtube',2);
CREATE TABLE "counts" (
   "day" TEXT,
   "profile" TEXT,
   "category" TEXT,
   "verdict" TEXT,
   "times" INTEGER,
   PRIMARY KEY ("day", "profile", "category", "verdict")
) STRICT;
INSERT INTO "counts" VALUES('2026-11-23','daughter','service:tiktok','block',2);
INSERT INTO "counts" VALUES('2026-11-23','daughter','category:proxy_vpn_doh','block',2);
INSERT INTO "counts" VALUES('2026-11-23','daughter','family_block','block',2);
INSERT INTO "counts" VALUES('2026-11-23','daughter','open','allow',3);
INSERT INTO "counts" VALUES('2026-11-23','son','law','block',2);
INSERT INTO "counts" VALUES('2026-11-23','son','family_allow','allow',3);
INSERT INTO "counts" VALUES('2026-11-23','son','category:adult','block',2);
INSERT INTO "counts" VALUES('2026-11-23','daughter','service:youtube-kids','allow',3);
INSERT INTO "counts" VALUES('2026-11-24','daughter','service:tiktok','block',2);
INSERT INTO "counts" VALUES('2026-11-24','daughter','category:proxy_vpn_doh','block',2);
INSERT INTO "counts" VALUES('2026-11-24','daughter','family_block','block',2);
INSERT INTO "counts" VALUES('2026-11-24','daughter','open','allow',3);
INSERT INTO "counts" VALUES('2026-11-24','son','law','block',2);
INSERT INTO "counts" VALUES('2026-11-24','son','family_allow','allow',3);
INSERT INTO "counts" VALUES('2026-11-24','son','category:adult','block',2);
INSERT INTO "counts" VALUES('2026-11-24','daughter','service:youtube-kids','allow',3);
INSERT INTO "counts" VALUES('2026-11-25','daughter','service:tiktok','block',2);
INSERT INTO "counts" VALUES('2026-11-25','daughter','category:proxy_vpn_doh','block',2);
INSERT INTO "counts" VALUES('2026-11-25','daughter','family_block','block',2);
INSERT INTO "counts" VALUES('2026-11-25','daughter','open','allow',5);
INSERT INTO "counts" VALUES('2026-11-25','son','paused','block',6);
INSERT INTO "counts" VALUES('2026-11-25','daughter','service:youtube-kids','allow',3);
INSERT INTO "counts" VALUES('2026-11-25','daughter','encrypted_dns','block',2);
CREATE TABLE "decisions" (
   "profile" TEXT,
   "device" TEXT,
   "host" TEXT,
   "proto" TEXT,
   "verdict" TEXT,
   "reason" TEXT,
   "rule" TEXT,
   "owner" TEXT,
   "first" INTEGER,
   "last" INTEGER,
   "times" INTEGER
) STRICT;
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','www.tiktok.com','dns','block','family_block','block: service:tiktok','family',1795431603,1795431603,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','nordvpn.com','dns','block','category','band 10-12: category:proxy_vpn_doh = refuse','band:10-12',1795431603,1795431603,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','blocked.example','dns','block','family_block','block: blocked.example','family',1795431603,1795431603,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','www.tiktok.com','dns','block','family_block','block: service:tiktok','family',1795518000,1795518000,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','nordvpn.com','dns','block','category','band 10-12: category:proxy_vpn_doh = refuse','band:10-12',1795518000,1795518000,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','blocked.example','dns','block','family_block','block: blocked.example','family',1795518000,1795518000,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','www.tiktok.com','dns','block','family_block','block: service:tiktok','family',1795604402,1795604402,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','nordvpn.com','dns','block','category','band 10-12: category:proxy_vpn_doh = refuse','band:10-12',1795604402,1795604402,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','blocked.example','dns','block','family_block','block: blocked.example','family',1795604402,1795604402,2);
INSERT INTO "decisions" VALUES('daughter','02:00:00:00:00:0a','dns.of-my-own.example','tls','block','encrypted_dns','band 10-12: ways: encrypted_dns = refuse','band:10-12',1795604520,1795604520,2);
CREATE TABLE "devices" (
   "mac" TEXT PRIMARY KEY,
   "name" TEXT,
   "place" TEXT,
   "until" INTEGER,
   "first_seen" INTEGER,
   "last_seen" INTEGER
, "placed" INTEGER, "sure" INTEGER NOT NULL DEFAULT 1) STRICT;
INSERT INTO "devices" VALUES('02:00:00:00:00:20','','home',NULL,1795431600,1795431600,NULL,1);
INSERT INTO "devices" VALUES('02:00:00:00:00:21','','guest',NULL,1795431601,1795431601,NULL,1);
INSERT INTO "devices" VALUES('02:00:00:00:00:0c','mums-phone','',NULL,1795431600,1795604520,NULL,1);
INSERT INTO "devices" VALUES('02:00:00:00:00:0a','tablet','',NULL,1795431603,1795604520,NULL,1);
INSERT INTO "devices" VALUES('02:00:00:00:00:0b','sons-phone','',NULL,1795431603,1795604520,NULL,1);
CREATE TABLE "extensions" (
   "id" INTEGER PRIMARY KEY,
   "grant" INTEGER,
   "who" TEXT,
   "day" TEXT,
   "gate" TEXT,
   "minutes" INTEGER,
   "until" INTEGER,
   "service" TEXT,
   "at" INTEGER,
   "by" TEXT,
   "kind" TEXT,
   "ended" INTEGER
, "sure" INTEGER NOT NULL DEFAULT 1, "boundary" INTEGER) STRICT;
INSERT INTO "extensions" VALUES(1,1795604401,'daughter','2026-11-25','play',20,NULL,NULL,1795604401,'console','grant',0,1,NULL);
INSERT INTO "extensions" VALUES(2,1795604402,'daughter','2026-11-25','service:youtube',10,NULL,'youtube',1795604401,'Mum','grant',0,1,NULL);
INSERT INTO "extensions" VALUES(3,1795604404,'daughter','2026-11-25','play',15,NULL,NULL,1795604402,'Aruzhan','ticket',0,1,NULL);
CREATE TABLE "faces" (
   "mac" TEXT PRIMARY KEY,
   "faces" TEXT
) STRICT;
INSERT INTO "faces" VALUES('02:00:00:00:00:0c','[{"mac": "02:00:00:00:00:0c", "host_name": "mums-phone", "vendor_class": "", "options": [], "vendor": "", "kind": "", "hop_limit": 0, "interface_ids": ["0000000000000012"]}]');
INSERT INTO "faces" VALUES('02:00:00:00:00:0a','[{"mac": "02:00:00:00:00:0a", "host_name": "tablet", "vendor_class": "", "options": [], "vendor": "", "kind": "tablet", "hop_limit": 0, "interface_ids": ["0000000000000010"]}]');
INSERT INTO "faces" VALUES('02:00:00:00:00:0b','[{"mac": "02:00:00:00:00:0b", "host_name": "sons-phone", "vendor_class": "", "options": [], "vendor": "", "kind": "", "hop_limit": 0, "interface_ids": ["0000000000000011"]}]');
CREATE TABLE "growing" (
   "profile" TEXT PRIMARY KEY,
   "name" TEXT,
   "band" TEXT,
   "month" TEXT,
   "state" TEXT,
   "until" TEXT,
   "reason" TEXT,
   "put_off_by" TEXT,
   "by" TEXT,
   "since" INTEGER,
   "seen" INTEGER,
   "taken" INTEGER,
   "undo" INTEGER,
   "revision" INTEGER
) STRICT;
INSERT INTO "growing" VALUES('son','Timur','13-15','2026-11','open','2027-02','After the holidays','Mum','',1795431004,1795604400,NULL,0,0);
CREATE TABLE "guardians" (
   "name" TEXT PRIMARY KEY,
   "role" TEXT NOT NULL DEFAULT 'guardian', "secret" TEXT NOT NULL DEFAULT '', "recovery" TEXT NOT NULL DEFAULT '', "minutes" INTEGER NOT NULL DEFAULT 0, "came" INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "guardians" VALUES('Mum','guardian','scrypt:8192:8:10$DvMFWqeqKYqegnFz$448516ba9582596a5a983f46cc6724052413904b744f6727a45b10c7b4414c60fbdc64771ac141ada3e9a0a4cc1bfd2f36a0bf7798803aee7e02f85048befff8','a269aeb840c176d38a86613bbba49e0a',0,1);
INSERT INTO "guardians" VALUES('Grandma','helper','','',30,0);
CREATE TABLE "labels" (
   "mac" TEXT PRIMARY KEY,
   "label" TEXT
) STRICT;
INSERT INTO "labels" VALUES('02:00:00:00:00:20','Printer');
CREATE TABLE "lent" (
   "mac" TEXT PRIMARY KEY,
   "who" TEXT,
   "kind" TEXT,
   "since" INTEGER,
   "until" INTEGER,
   "by" TEXT
) STRICT;
INSERT INTO "lent" VALUES('02:00:00:00:00:0d','son','claim',1795604401,1795611601,'');
CREATE TABLE "minutes" (
   "day" TEXT,
   "profile" TEXT,
   "gate" TEXT,
   "minutes" INTEGER,
   PRIMARY KEY ("day", "profile", "gate")
) STRICT;
INSERT INTO "minutes" VALUES('2026-11-23','daughter','internet',2);
INSERT INTO "minutes" VALUES('2026-11-23','daughter','play',2);
INSERT INTO "minutes" VALUES('2026-11-23','daughter','service:youtube',2);
INSERT INTO "minutes" VALUES('2026-11-24','daughter','internet',2);
INSERT INTO "minutes" VALUES('2026-11-24','daughter','play',2);
INSERT INTO "minutes" VALUES('2026-11-24','daughter','service:youtube',2);
CREATE TABLE "no_mobile_data" (
   "mac" TEXT PRIMARY KEY
) STRICT;
INSERT INTO "no_mobile_data" VALUES('02:00:00:00:00:0a');
CREATE TABLE "openings" (
   "id" INTEGER PRIMARY KEY,
   "grant" INTEGER,
   "who" TEXT,
   "entry" TEXT,
   "until" INTEGER,
   "at" INTEGER,
   "by" TEXT
, "span" TEXT NOT NULL DEFAULT 'lasting', "sure" INTEGER NOT NULL DEFAULT 1) STRICT;
INSERT INTO "openings" VALUES(1,1795604403,'daughter','service:instagram',1795647600,1795604401,'Mum','of day',1);
CREATE TABLE "pauses" (
   "who" TEXT PRIMARY KEY,
   "since" INTEGER,
   "until" INTEGER,
   "by" TEXT
, "span" TEXT NOT NULL DEFAULT 'lasting', "sure" INTEGER NOT NULL DEFAULT 1) STRICT;
INSERT INTO "pauses" VALUES('son',1795604401,1795690801,'Mum','lasting',1);
CREATE TABLE "pins" (
   "who" TEXT PRIMARY KEY,
   "salt" TEXT,
   "hash" TEXT,
   "at" INTEGER,
   "by" TEXT
) STRICT;
INSERT INTO "pins" VALUES('daughter','cbd88051da2515fde09375d4aa5f6a5a','fd5d2074c05a4f55935264b9d0cc732f467d2fcd98a8d1494e04e9829f19723b',1795431599,'Mum');
INSERT INTO "pins" VALUES('teen','c6629124dd4c30a24666d293deb85c43','2d9f8d524f357aa22bce98f11311fba7c63d6be5a3a26efdb53036b90bfece39',1795431599,'Mum');
CREATE TABLE "proposals" (
   "name" TEXT PRIMARY KEY,
   "role" TEXT,
   "minutes" INTEGER,
   "by" TEXT,
   "at" INTEGER
) STRICT;
CREATE TABLE "questions" (
   "mac" TEXT PRIMARY KEY,
   "ask" TEXT,
   "at" INTEGER,
   "profile" TEXT,
   "known" TEXT,
   "signs" TEXT,
   "face" TEXT,
   "back" INTEGER,
   "settled" INTEGER
, "adult" INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE "requests" (
   "id" INTEGER PRIMARY KEY,
   "who" TEXT,
   "device" TEXT,
   "topic" TEXT,
   "thing" TEXT,
   "minutes" INTEGER,
   "reason" TEXT,
   "at" INTEGER,
   "expires" INTEGER,
   "times" INTEGER,
   "state" TEXT,
   "reminded" INTEGER,
   "answer" TEXT,
   "given" INTEGER,
   "because" TEXT,
   "by" TEXT,
   "answered" INTEGER,
   "grant" INTEGER
, "sure" INTEGER NOT NULL DEFAULT 1, "since" INTEGER) STRICT;
INSERT INTO "requests" VALUES(1,'daughter','02:00:00:00:00:0a','site','service:reddit',0,'For school',1795518000,1796122800,1,'pending',1,NULL,0,'','',NULL,NULL,1,NULL);
INSERT INTO "requests" VALUES(2,'daughter','02:00:00:00:00:0a','time','',15,'One more round',1795518000,1795546800,1,'answered',0,'no',0,'Dinner is ready','Mum',1795518000,NULL,1,NULL);
INSERT INTO "requests" VALUES(3,'daughter','02:00:00:00:00:0a','site','service:instagram',0,'Photos of the trip',1795604401,1796209201,1,'answered',0,'today',0,'Have fun','Mum',1795604401,1795604403,1,NULL);
INSERT INTO "requests" VALUES(4,'daughter','02:00:00:00:00:0a','time','',30,'A long film',1795604401,1795633200,1,'pending',0,NULL,0,'','',NULL,NULL,1,NULL);
CREATE TABLE "self_set" (
   "profile" TEXT,
   "key" TEXT,
   "said" TEXT,
   "at" INTEGER,
   PRIMARY KEY ("profile", "key")
) STRICT;
INSERT INTO "self_set" VALUES('teen','bedtime','"23:00-07:00"',1795431599);
INSERT INTO "self_set" VALUES('teen','limits/play','"2h"',1795431599);
CREATE TABLE "sessions" (
   "key" TEXT PRIMARY KEY,
   "name" TEXT,
   "device" TEXT,
   "since" INTEGER,
   "until" INTEGER,
   "sure" INTEGER
) STRICT;
INSERT INTO "sessions" VALUES('5a414ab9c3f7bf91337ea544522d6d80','Mum','02:00:00:00:00:0c',1795431602,1803207602,1);
CREATE TABLE "sights" (
   "mac" TEXT PRIMARY KEY,
   "host_name" TEXT,
   "named_by" TEXT,
   "vendor_class" TEXT,
   "options" TEXT,
   "vendor" TEXT,
   "kind" TEXT,
   "interface_ids" TEXT,
   "addresses" TEXT,
   "names" TEXT,
   "services" TEXT,
   "model" TEXT,
   "behind" TEXT,
   "hop_limit" INTEGER
) STRICT;
INSERT INTO "sights" VALUES('02:00:00:00:00:0c','mums-phone','lease','','','','','0000000000000012 000000fffe00000c','192.168.77.12 fe80::ff:fe00:c 2001:db8:77::12','mums-phone','','','',64);
INSERT INTO "sights" VALUES('02:00:00:00:00:0a','tablet','lease','','','','tablet','0000000000000010 000000fffe00000a','192.168.77.10 fe80::ff:fe00:a 2001:db8:77::10','tablet','','','',64);
INSERT INTO "sights" VALUES('02:00:00:00:00:0b','sons-phone','lease','','','','','0000000000000011 000000fffe00000b','2001:db8:77::11 fe80::ff:fe00:b 192.168.77.11','sons-phone','','','',64);
CREATE TABLE "slots" (
   "mac" TEXT PRIMARY KEY,
   "slot" INTEGER,
   "used" INTEGER
) STRICT;
INSERT INTO "slots" VALUES('02:00:00:00:00:0a',1,1795604401);
INSERT INTO "slots" VALUES('02:00:00:00:00:0b',2,1795604401);
INSERT INTO "slots" VALUES('02:00:00:00:00:0d',3,1795604401);
INSERT INTO "slots" VALUES('02:00:00:00:00:22',4,1795604401);
INSERT INTO "slots" VALUES('unknown',5,1795604401);
CREATE TABLE "switches" (
   "name" TEXT PRIMARY KEY,
   "since" INTEGER,
   "until" INTEGER,
   "by" TEXT
, "sure" INTEGER NOT NULL DEFAULT 1) STRICT;
CREATE TABLE "tickets" (
   "hash" TEXT PRIMARY KEY,
   "salt" TEXT,
   "minutes" INTEGER,
   "who" TEXT,
   "made" INTEGER,
   "by" TEXT,
   "until" INTEGER,
   "used" INTEGER,
   "used_by" TEXT
, "sure" INTEGER NOT NULL DEFAULT 1, "batch" TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "tickets" VALUES('901de0ef855e04e98902ec51e153debe','20f666c4426afc2f',15,'daughter',1795604402,'Mum',1803380402,NULL,NULL,1,'0d50a8ec');
INSERT INTO "tickets" VALUES('1c1fe6c816e4efc9c1c847224bd19bfe','c94510bf5c6d66d1',15,'daughter',1795604402,'Mum',1803380402,NULL,NULL,1,'0d50a8ec');
INSERT INTO "tickets" VALUES('105f7764b2555a4e67478fc7238f9c30','5bd1fbe2f450c108',15,'daughter',1795604402,'Mum',1803380402,1795604402,'daughter',1,'0d50a8ec');
CREATE TABLE "tokens" (
   "key" TEXT PRIMARY KEY,
   "name" TEXT,
   "label" TEXT,
   "role" TEXT,
   "since" INTEGER,
   "used" INTEGER,
   "until" INTEGER,
   "sure" INTEGER
) STRICT;
INSERT INTO "tokens" VALUES('4e96934e8610f03480e4f056cdb26657','Mum','guardian','guardian',1795431602,1795604400,1798023602,1);
CREATE TABLE "uses" (
   "day" TEXT,
   "profile" TEXT,
   "use" TEXT,
   "minutes" INTEGER,
   PRIMARY KEY ("day", "profile", "use")
) STRICT;
INSERT INTO "uses" VALUES('2026-11-23','daughter','all',2);
INSERT INTO "uses" VALUES('2026-11-23','daughter','service:youtube',2);
INSERT INTO "uses" VALUES('2026-11-23','daughter','category:video_sharing',2);
INSERT INTO "uses" VALUES('2026-11-24','daughter','all',2);
INSERT INTO "uses" VALUES('2026-11-24','daughter','service:youtube',2);
INSERT INTO "uses" VALUES('2026-11-24','daughter','category:video_sharing',2);
CREATE TABLE "way_cards" (
   "mac" TEXT,
   "way" TEXT,
   "day" TEXT,
   "profile" TEXT,
   "topic" TEXT,
   "at" INTEGER,
   "host" TEXT,
   "proto" TEXT,
   "sure" INTEGER,
   "level" INTEGER,
   "solved" INTEGER,
   "dismissed" INTEGER,
   PRIMARY KEY ("mac", "way", "day")
) STRICT;
INSERT INTO "way_cards" VALUES('02:00:00:00:00:0a','encrypted_dns','2026-11-25','daughter','private_dns',1795604520,'dns.of-my-own.example','dot',1,2,0,0);
CREATE INDEX "idx_decisions_profile_last"
    ON "decisions" ("profile", "last");
CREATE INDEX "idx_decisions_last"
    ON "decisions" ("last");
CREATE INDEX "idx_audit_at"
    ON "audit" ("at");
COMMIT;
PRAGMA user_version = 22;
