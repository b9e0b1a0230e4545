-- A history as schema version 1 left it.
CREATE TABLE jobs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (
    state IN ('waiting', 'running', 'done', 'failed', 'cancelled', 'interrupted')
  ),
  kind TEXT NOT NULL,
  request TEXT NOT NULL,
  planned TEXT,
  session TEXT NOT NULL DEFAULT '',
  created TEXT NOT NULL,
  error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE TABLE drawings (
  id TEXT PRIMARY KEY CHECK (length(id) = 32 AND id NOT GLOB '*[^0-9a-f]*'),
  sequence INTEGER NOT NULL UNIQUE,
  root TEXT NOT NULL,
  folder TEXT NOT NULL,
  concept TEXT NOT NULL,
  plan TEXT NOT NULL,
  seed INTEGER NOT NULL,
  model TEXT NOT NULL,
  created TEXT NOT NULL,
  thumbnail TEXT NOT NULL
);
CREATE UNIQUE INDEX drawings_by_folder ON drawings (root, folder);
INSERT INTO jobs (id, state, kind, request, created) VALUES
  ('0000000000000000000000000000000a', 'done', 'text', '{"prompt": "a cat"}', '2026-01-01T00:00:00+00:00'),
  ('0000000000000000000000000000000b', 'running', 'text', '{"prompt": "un éléphant"}', '2026-01-02T00:00:00+00:00');
INSERT INTO drawings VALUES
  ('00000000000000000000000000000001', 1, '/outputs', 'cat', 'a cat', 'plan of a cat', 7, 'tiny', '2026-01-01T00:00:00+00:00', 'cat.png'),
  ('00000000000000000000000000000002', 2, '/outputs', 'elephant', 'un Éléphant', 'plan', 8, 'tiny', '2026-01-02T00:00:00+00:00', 'elephant.png');
PRAGMA user_version = 1;
