ALTER TABLE drawings ADD COLUMN favorite INTEGER NOT NULL DEFAULT 0 CHECK (favorite IN (0, 1));
ALTER TABLE drawings ADD COLUMN place TEXT NOT NULL DEFAULT 'here' CHECK (
  place IN ('here', 'bin', 'missing')
);
CREATE INDEX drawings_by_place ON drawings (root, place, sequence);

-- A drawing in the bin leaves its folder's name to the next one.
DROP INDEX drawings_by_folder;
CREATE UNIQUE INDEX drawings_by_folder ON drawings (root, folder) WHERE place <> 'bin';
