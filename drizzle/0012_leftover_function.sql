-- A database that ran the first edition of 0004 still has this function. Nothing calls it.
DROP FUNCTION IF EXISTS tidemark_tell(bigint, boolean);
