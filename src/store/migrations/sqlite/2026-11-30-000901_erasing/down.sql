DROP TABLE erasing;
