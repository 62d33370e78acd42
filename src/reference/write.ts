import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PAGES } from './pages.ts';

/** `npm run docs`: brings the pages that are made from the code up to date, and names those that changed. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let written = 0;
for (const page of PAGES) {
  const file = join(ROOT, page.path);
  const existing = await readFile(file, 'utf8').catch(() => undefined);
  const text = await page.make(existing);
  if (text === existing) continue;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  process.stdout.write(`${page.path}\n`);
  written += 1;
}
process.stdout.write(`${written} of ${PAGES.length} pages written, the others were up to date.\n`);
