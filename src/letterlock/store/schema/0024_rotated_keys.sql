-- The key that a rotation put in the place of one: what was rotated is not rotated again.
ALTER TABLE keys ADD COLUMN replaced_by TEXT;
