DROP TABLE migrated;
DROP TABLE scratch;
DROP TABLE read_mark;
DROP TABLE message;
DROP TABLE conversation;
DROP TABLE token;
DROP TABLE ignored;
DROP TABLE account;
