-- The current points of every series, for psql, Grafana and BI tools. The points of a derived series are stored under the id
-- of its definition's last storage. The view itself reads the tables, because a view has its owner's rights on tables, and a
-- function that it calls has those of the user, who may have none on the tables.
CREATE OR REPLACE VIEW points AS
SELECT series.key, tidemark_instant(current.t) AS t, current.value, current.size, current.revision
FROM series
LEFT JOIN definitions ON definitions.series = series.id AND definitions.state = 'LIVE'
CROSS JOIN LATERAL (SELECT coalesce(definitions.storages[cardinality(definitions.storages)], series.id) AS id) AS storage
CROSS JOIN LATERAL (
  SELECT DISTINCT ON (version.t) version.t, version.value, version.size, version.revision
  FROM (
    SELECT p.* FROM fresh_blocks AS b, tidemark_unpack(b.revision, b.from_t, b.versions, b.t, b.value, b.size, NULL) AS p
    WHERE b.series = storage.id AND b.revision IS NOT NULL
    UNION ALL
    SELECT p.* FROM sealed_blocks AS b, tidemark_unpack(b.base_revision, b.from_t, b.versions, b.t, b.value, b.size, b.offsets) AS p
    WHERE b.series = storage.id
  ) AS version
  ORDER BY version.t, version.revision DESC
) AS current
WHERE series.deleted_revision IS NULL AND series.kind <> 'STORAGE' AND current.value <> 'NaN';
