DROP TABLE ended_pass;
DROP TABLE name_collision;
DROP TABLE account_key;
