/**
 * The values of `_change_type` in Delta's change feed that bring a row under the key they carry; the others,
 * `delete` and `update_preimage`, are departures. Within one commit version an arrival beats a departure, so that a row rewritten under its key is an
 * upsert, and a lone preimage (its key moved away) deletes that key.
 */
export const ARRIVALS = ['insert', 'update_postimage'] as const;

export const CHANGE_TYPE = '_change_type';
export const COMMIT_VERSION = '_commit_version';
export const COMMIT_TIMESTAMP = '_commit_timestamp';
