import { expect, it } from 'vitest';
import { jsonDocument } from '../../src/cli/json-document.ts';

const CONTENT = {
  syncs: [{ sync: 'lakeferry run', error: { remedy: 'lakeferry resume fruit', at: 5n } }],
  error: { message: 'npx cdk deploy was not run.', remedy: 'npx cdk deploy' },
};

it('is one line with its version first, and bigints as text', () => {
  expect(jsonDocument(CONTENT)).toBe(
    '{"schemaVersion":1,"syncs":[{"sync":"lakeferry run","error":{"remedy":"lakeferry resume fruit","at":"5"}}],"error":{"message":"npx cdk deploy was not run.","remedy":"npx cdk deploy"}}\n',
  );
});

it('has remedies that mean the same system, and nothing else of it is changed', () => {
  expect(JSON.parse(jsonDocument(CONTENT, { deployment: 'prod' }))).toEqual({
    schemaVersion: 1,
    syncs: [
      { sync: 'lakeferry run', error: { remedy: 'lakeferry resume fruit --deployment prod', at: '5' } },
    ],
    error: { message: 'npx cdk deploy was not run.', remedy: 'npx cdk deploy -c name=prod' },
  });
});
