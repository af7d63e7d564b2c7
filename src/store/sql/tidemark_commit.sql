-- Kept for processes of version 0.1.0, the last that calls it; to be dropped two versions later. They pass no p_deletes: a
-- series is deleted by tidemark_delete_series.
CREATE OR REPLACE FUNCTION tidemark_commit(
  p_batch uuid,
  p_checks jsonb,
  p_revisions jsonb,
  p_creates jsonb,
  p_deletes jsonb,
  p_stages jsonb,
  p_answers jsonb,
  p_announce boolean,
  p_block_revision int[],
  p_block_series int[],
  p_from bigint[],
  p_to bigint[],
  p_versions int[],
  p_t bytea[],
  p_value bytea[],
  p_size bytea[]
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN tidemark_commit_2(p_batch, p_checks, p_revisions, p_creates, p_stages, p_answers, p_announce, p_block_revision, p_block_series,
    p_from, p_to, p_versions, p_t, p_value, p_size);
END $$;
