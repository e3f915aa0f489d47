-- the files of what was handed in; their content is outside of the database, under the id
CREATE TABLE submission_files (
	id            TEXT PRIMARY KEY,
	submission_id TEXT NOT NULL REFERENCES job_submissions (id),
	place         INTEGER NOT NULL,
	name          TEXT NOT NULL,
	media_type    TEXT NOT NULL,
	size          BIGINT NOT NULL CHECK (size > 0),
	sha256        TEXT NOT NULL,
	UNIQUE (submission_id, place)
);
