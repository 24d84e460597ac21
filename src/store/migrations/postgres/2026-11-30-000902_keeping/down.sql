DROP TABLE keeping;
