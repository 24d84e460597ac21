DROP TABLE hook_seen;
DROP TABLE hook;
