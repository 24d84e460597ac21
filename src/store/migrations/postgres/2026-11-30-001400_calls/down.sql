ALTER TABLE hook_seen DROP COLUMN content;
DELETE FROM hook_seen WHERE hook_id NOT IN (SELECT id FROM hook);
ALTER TABLE hook_seen ADD FOREIGN KEY (hook_id) REFERENCES hook (id);
