DROP TABLE program_token;
DROP TABLE bot;
