/** What the words and symbols of Databricks SQL are to the translation. */

/** Words behind a FROM item that are no alias of it. */
export const NO_ALIAS = new Set(
  `ON USING WHERE GROUP HAVING ORDER LIMIT OFFSET QUALIFY WINDOW UNION INTERSECT EXCEPT MINUS JOIN INNER LEFT RIGHT
  FULL CROSS NATURAL SEMI ANTI LATERAL SORT DISTRIBUTE CLUSTER PIVOT UNPIVOT TABLESAMPLE SET WHEN VERSION TIMESTAMP
  FOR VALUES SELECT`.split(/\s+/),
);

export const CLAUSES = [
  'WHERE',
  'GROUP',
  'HAVING',
  'ORDER',
  'LIMIT',
  'OFFSET',
  'QUALIFY',
  'WINDOW',
  'UNION',
  'INTERSECT',
  'EXCEPT',
  'MINUS',
  'SELECT',
];

/** Words that may stand before a parenthesis and are no function. */
export const NO_FUNCTION = new Set(
  `ALL AND ANY AS BETWEEN BY CASE DISTINCT ELSE END EXCEPT EXISTS FROM GROUP HAVING IN INTERSECT IS JOIN LIKE
  ILIKE LIMIT MINUS NOT ON OR ORDER OVER PARTITION QUALIFY SELECT SETS CUBE ROLLUP THEN UNION USING VALUES WHEN WHERE
  WINDOW WITH ESCAPE OFFSET INTERVAL DIV NULL`.split(/\s+/),
);

export const REFUSED_WORDS: Readonly<Record<string, string>> = {
  LATERAL: 'LATERAL',
  PIVOT: 'PIVOT',
  UNPIVOT: 'UNPIVOT',
  TABLESAMPLE: 'TABLESAMPLE',
  RLIKE: 'RLIKE; use regexp_like',
  REGEXP: 'REGEXP; use regexp_like',
  MATCH_RECOGNIZE: 'MATCH_RECOGNIZE',
};

export const REFUSED_SYMBOLS: Readonly<Record<string, string>> = {
  '::': 'the operator "::"; use cast(… as …)',
  ':': 'the operator ":"',
  '[': 'subscripts; use element_at',
  ']': 'subscripts; use element_at',
  '^': 'the operator "^"',
  '~': 'the operator "~"',
  '!': 'the operator "!"; use NOT',
  '?': 'parameters',
  '@': '"@" outside a table name',
  '{': 'braces',
  '}': 'braces',
  '->': 'lambda functions in this place',
  '=>': 'named arguments',
  ';': 'several statements at once',
};

export const SYMBOLS: Readonly<Record<string, string>> = { '<=>': 'is not distinct from', '==': '=' };

/** The words of queries and expressions; every other word is a name, and DuckDB might reserve it. */
export const KEYWORDS = new Set(
  `ALL AND ANTI ANY AS ASC BETWEEN BOTH BY CASE CROSS CUBE CURRENT DESC DISTINCT ELSE END ESCAPE EXISTS FALSE FILTER
  FIRST FOLLOWING FROM FULL GROUP GROUPING HAVING IGNORE ILIKE IN INNER INTERSECT IS JOIN LAST LEADING LEFT LIKE LIMIT
  NATURAL NOT NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION PRECEDING QUALIFY RANGE RESPECT RIGHT ROLLUP ROW ROWS
  SELECT SEMI SETS SOME THEN TRAILING TRUE UNBOUNDED UNION USING VALUES WHEN WHERE WINDOW WITH WITHIN`.split(
    /\s+/,
  ),
);

export const INTERVAL_UNIT = /^(?:year|month|week|day|hour|minute|second|millisecond|microsecond)s?$/i;
