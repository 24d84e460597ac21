DROP TABLE remote_user;
