import { cli } from './cli.ts';
import { errors } from './errors.ts';
import { halts } from './halts.ts';
import { lakeferryYaml } from './lakeferry-yaml.ts';
import { metrics } from './metrics.ts';
import type { ReferencePage } from './page.ts';
import { sqlViews } from './sql-views.ts';
import { typeMapping } from './type-mapping.ts';

/** Every page that is made from the code, or in part. */
export const PAGES: readonly ReferencePage[] = [
  lakeferryYaml,
  cli,
  errors,
  typeMapping,
  metrics,
  sqlViews,
  ...halts,
];
