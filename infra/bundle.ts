import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';
import { CONFIG_FILE } from '../src/config/config-file.ts';
import { configDigest } from '../src/config/deployment.ts';

const LAMBDAS = fileURLToPath(new URL('../lambdas/', import.meta.url));

/** What CommonJS packages among the imports find in a module of their own kind. */
const COMMONJS = `
const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);
const { dirname: __dirname, filename: __filename } = import.meta;`;

/**
 * One file of JavaScript from an entry point under lambdas/, everything that it imports in it, and the configuration
 * beside it. Made in this process: neither Docker nor the embedding project's layout matters.
 */
export function bundle(entry: string, configText: string): Code {
  return Code.fromAsset(LAMBDAS, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('not-used'),
      // CDK takes two bundles from one folder for the same unless their commands differ.
      command: [entry, configDigest(configText)],
      local: {
        tryBundle(folder) {
          const [code, config] = [join(folder, 'index.mjs'), join(folder, CONFIG_FILE)];
          build(join(LAMBDAS, `${entry}.ts`), code);
          writeFileSync(config, configText);
          // Lambda's user reads them, whatever the umask of whoever deploys.
          for (const file of [code, config]) chmodSync(file, 0o644);
          return true;
        },
      },
    },
  });
}

function build(entry: string, outfile: string): void {
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    // Frames and error names in the log stay those of the source.
    keepNames: true,
    // Optional native parts of the Databricks driver, which works without them.
    external: ['@databricks/databricks-sql-kernel-*', 'lz4', 'lz4-napi'],
    banner: { js: COMMONJS },
    logLevel: 'error',
  });
}
