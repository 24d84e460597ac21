DROP TABLE delivery;
DROP TABLE hook_out;
