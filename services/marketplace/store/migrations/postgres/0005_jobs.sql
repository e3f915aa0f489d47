-- The life of a job: its deadlines, who applied, what was handed in, and words to find it by.
ALTER TABLE jobs ADD COLUMN max_applications INTEGER NOT NULL DEFAULT 10 CHECK (max_applications BETWEEN 1 AND 10);
ALTER TABLE jobs ADD COLUMN recruit_days INTEGER NOT NULL DEFAULT 7 CHECK (recruit_days BETWEEN 1 AND 90);
ALTER TABLE jobs ADD COLUMN submit_days INTEGER NOT NULL DEFAULT 7 CHECK (submit_days BETWEEN 1 AND 90);
-- when its time in this state runs out; jobs from before have none until their next step
ALTER TABLE jobs ADD COLUMN deadline TIMESTAMPTZ;
-- when a worker looks at the deadline: the deadline itself, or later while one has it in hand
ALTER TABLE jobs ADD COLUMN next_at TIMESTAMPTZ;
ALTER TABLE jobs ADD COLUMN accepted_at TIMESTAMPTZ;
CREATE INDEX jobs_due ON jobs (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE job_applications (
	job_id       BIGINT NOT NULL REFERENCES jobs (id),
	worker_id    BIGINT NOT NULL REFERENCES users (id),
	message      TEXT NOT NULL,
	applied_at   TIMESTAMPTZ NOT NULL,
	withdrawn_at TIMESTAMPTZ,
	PRIMARY KEY (job_id, worker_id)
);
CREATE INDEX job_applications_worker ON job_applications (worker_id, job_id);
INSERT INTO job_applications (job_id, worker_id, message, applied_at) SELECT id, worker_id, '', created_at FROM jobs WHERE worker_id IS NOT NULL;

CREATE TABLE job_submissions (
	id          TEXT PRIMARY KEY,
	job_id      BIGINT NOT NULL REFERENCES jobs (id),
	worker_id   BIGINT NOT NULL REFERENCES users (id),
	text        TEXT NOT NULL,
	at          TIMESTAMPTZ NOT NULL,
	rejected_at TIMESTAMPTZ,
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

-- Words without case and accents. The letters are listed since what lower() and the parser take for a letter depends on the server's locale.
CREATE FUNCTION folded(written TEXT) RETURNS TEXT LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
	AS $$ SELECT lower(translate(written, 'áÁàÀâÂäÄãÃåÅāĀçÇćĆčČéÉèÈêÊëËēĒęĘíÍìÌîÎïÏīĪłŁñÑńŃňŇóÓòÒôÔöÖõÕøØōŌśŚšŠúÚùÙûÛüÜūŪýÝÿŸźŹżŻžŽ!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~¡¿«»“”‘’–—…·×',
		'aaaaaaaaaaaaaacccccceeeeeeeeeeeeiiiiiiiiiillnnnnnnoooooooooooooossssuuuuuuuuuuyyyyzzzzzz                                             ')) $$;
ALTER TABLE jobs ADD COLUMN words TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple', folded(title || ' ' || description))) STORED;
CREATE INDEX jobs_words ON jobs USING GIN (words);
