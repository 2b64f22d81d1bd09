-- People type the beginning of an id.
CREATE INDEX jobs_id_prefix ON jobs (id text_pattern_ops);
