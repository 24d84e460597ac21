-- What an account may do on the whole server: 1 moderator, 2 administrator; nothing special without one.
ALTER TABLE account ADD COLUMN role SMALLINT;
