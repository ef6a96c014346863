/** The tables of the history, version by version. */

/** A file of mailcron's history, as file(1) and `PRAGMA application_id` show it: "cron". */
export const APPLICATION = 0x63726f6e;

/**
 * What makes each version out of the one before; the file says in `user_version` which one it has. A step that has been
 * released is never changed: another one is added.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE runs (
     run TEXT NOT NULL PRIMARY KEY,
     key TEXT NOT NULL,
     identity TEXT NOT NULL,
     crontab TEXT,
     line INTEGER,
     entry TEXT,
     user TEXT NOT NULL,
     command TEXT NOT NULL,
     scheduled TEXT,
     by_hand TEXT,
     started INTEGER,
     ended INTEGER,
     at INTEGER NOT NULL,
     outcome TEXT NOT NULL,
     code INTEGER,
     signal TEXT,
     timed_out INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     mail TEXT NOT NULL,
     cpu INTEGER,
     memory INTEGER,
     output BLOB,
     output_size INTEGER
   );
   CREATE INDEX runs_at ON runs (at);
   CREATE INDEX runs_user ON runs (user, at);
   CREATE INDEX runs_identity ON runs (identity, outcome, at);
   CREATE INDEX runs_failed ON runs (at) WHERE outcome IN ('failed', 'not-started', 'unknown');
   CREATE TABLE folded (file TEXT NOT NULL PRIMARY KEY, place INTEGER NOT NULL);
   CREATE VIEW readable AS
     SELECT run, user, datetime(at / 1000, 'unixepoch', 'localtime') AS time,
       (ended - started) / 1000.0 AS seconds, outcome, coalesce(signal, code) AS status, bytes, mail, command
     FROM runs ORDER BY at;`,
  `CREATE TABLE mails (run TEXT NOT NULL PRIMARY KEY, fate TEXT NOT NULL, at INTEGER NOT NULL);
   CREATE INDEX mails_at ON mails (at);
   DROP VIEW readable;
   CREATE VIEW readable AS
     SELECT run, user, datetime(at / 1000, 'unixepoch', 'localtime') AS time,
       (ended - started) / 1000.0 AS seconds, outcome, coalesce(signal, code) AS status, bytes,
       coalesce((SELECT fate FROM mails WHERE mails.run = runs.run), mail) AS mail, command
     FROM runs ORDER BY at;`,
];
