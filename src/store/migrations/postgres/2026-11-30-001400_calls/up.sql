-- What every program has posted lately, and not hooks alone: hook_id is a token or a hook, and may be of
-- one that was removed meanwhile. content tells what was posted from something else, if the program may
-- not use the mark again for that.
ALTER TABLE hook_seen DROP CONSTRAINT hook_seen_hook_id_fkey;
ALTER TABLE hook_seen ADD COLUMN content TEXT COLLATE "C";
