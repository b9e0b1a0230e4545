-- `words` is what a search looks in, without case and accents.
ALTER TABLE drawings ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE drawings SET words = folded(concept || ' ' || plan || ' ' || model || ' ' || seed);

-- Where a job's drawing goes, which process draws it, and whether somebody waved it away.
ALTER TABLE jobs ADD COLUMN root TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN destination TEXT NOT NULL DEFAULT '{}';
ALTER TABLE jobs ADD COLUMN process TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN dismissed INTEGER NOT NULL DEFAULT 0 CHECK (dismissed IN (0, 1));
