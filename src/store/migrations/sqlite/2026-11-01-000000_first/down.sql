DROP TABLE scratch;
DROP TABLE participant;
DROP TABLE message;
DROP TABLE conversation;
DROP TABLE token;
DROP TABLE ignored;
DROP TABLE account;
