-- What was decided of a submission and of exactly its bytes and envelope, with a key that is not in the store.
ALTER TABLE submissions ADD COLUMN seal TEXT NOT NULL DEFAULT '';
