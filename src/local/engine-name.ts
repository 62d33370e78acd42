/** What can run the statements of the local warehouse. */
export const ENGINES = ['duckdb', 'spark'] as const;
export type EngineName = (typeof ENGINES)[number];
