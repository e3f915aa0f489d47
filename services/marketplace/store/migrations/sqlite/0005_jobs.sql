-- The life of a job: its deadlines, who applied, what was handed in, and words to find it by.
ALTER TABLE jobs ADD COLUMN max_applications INTEGER NOT NULL DEFAULT 10 CHECK (max_applications BETWEEN 1 AND 10);
ALTER TABLE jobs ADD COLUMN recruit_days INTEGER NOT NULL DEFAULT 7 CHECK (recruit_days BETWEEN 1 AND 90);
ALTER TABLE jobs ADD COLUMN submit_days INTEGER NOT NULL DEFAULT 7 CHECK (submit_days BETWEEN 1 AND 90);
-- when its time in this state runs out; jobs from before have none until their next step
ALTER TABLE jobs ADD COLUMN deadline DATETIME;
-- when a worker looks at the deadline: the deadline itself, or later while one has it in hand
ALTER TABLE jobs ADD COLUMN next_at DATETIME;
ALTER TABLE jobs ADD COLUMN accepted_at DATETIME;
CREATE INDEX jobs_due ON jobs (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE job_applications (
	job_id       INTEGER NOT NULL REFERENCES jobs (id),
	worker_id    INTEGER NOT NULL REFERENCES users (id),
	message      TEXT NOT NULL,
	applied_at   DATETIME NOT NULL,
	withdrawn_at DATETIME,
	PRIMARY KEY (job_id, worker_id)
);
CREATE INDEX job_applications_worker ON job_applications (worker_id, job_id);
INSERT INTO job_applications (job_id, worker_id, message, applied_at) SELECT id, worker_id, '', created_at FROM jobs WHERE worker_id IS NOT NULL;

CREATE TABLE job_submissions (
	id          TEXT PRIMARY KEY,
	job_id      INTEGER NOT NULL REFERENCES jobs (id),
	worker_id   INTEGER NOT NULL REFERENCES users (id),
	text        TEXT NOT NULL,
	at          DATETIME NOT NULL,
	rejected_at DATETIME,
	reason      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX job_submissions_job ON job_submissions (job_id, at);
-- jobs.submission is of no use any more
INSERT INTO job_submissions (id, job_id, worker_id, text, at) SELECT 'job-' || id, id, worker_id, submission, updated_at FROM jobs WHERE submission <> '' AND worker_id IS NOT NULL;

-- that a worker is chosen; to accept is now what a funder says of the work
UPDATE job_history SET event = 'select' WHERE event = 'accept';

-- lists are read from the newest job on
DROP INDEX jobs_funder;
DROP INDEX jobs_worker;
CREATE INDEX jobs_funder ON jobs (funder_id, id);
CREATE INDEX jobs_worker ON jobs (worker_id, id);
CREATE INDEX jobs_recruiting ON jobs (id) WHERE state = 'recruiting';

-- Words without case and accents. The index keeps no text of its own; the triggers keep it with the jobs.
CREATE VIRTUAL TABLE jobs_words USING fts5 (title, description, content = 'jobs', content_rowid = 'id', tokenize = "unicode61 remove_diacritics 2");
INSERT INTO jobs_words (jobs_words) VALUES ('rebuild');
CREATE TRIGGER jobs_words_insert AFTER INSERT ON jobs
	BEGIN INSERT INTO jobs_words (rowid, title, description) VALUES (new.id, new.title, new.description); END;
CREATE TRIGGER jobs_words_update AFTER UPDATE OF title, description ON jobs
	BEGIN INSERT INTO jobs_words (jobs_words, rowid, title, description) VALUES ('delete', old.id, old.title, old.description); INSERT INTO jobs_words (rowid, title, description) VALUES (new.id, new.title, new.description); END;
