-- What was asked for, and what came of it. A sequence number gives the order: clocks jump.
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

-- A folder is named relative to its root, with "/" between its parts.
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
