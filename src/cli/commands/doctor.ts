import type { Command } from 'commander';
import { configDigest } from '../../config/deployment.ts';
import type { LakeferryConfig } from '../../config/lakeferry-config.ts';
import { parseConfig } from '../../config/parse-config.ts';
import type { SyncConfig } from '../../config/sync-config.ts';
import type { Finding } from '../../doctor/finding.ts';
import { SyncError } from '../../error/sync-error.ts';
import { doctorExitCode, doctorJson, renderDoctor } from '../doctor-report.ts';
import { inPlace } from '../in-place.ts';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { configOption, deploymentOption, jsonOption, localOption, readConfigOptionText } from '../options.ts';
import { Progress } from '../progress.ts';
import { chooseSyncs, type RuntimeFlags, withServices } from '../runtime.ts';
import { styleFor } from '../style.ts';
import { openSurroundings, type Surroundings } from '../surroundings.ts';
import { VERSION } from './version.ts';

interface DoctorFlags extends RuntimeFlags {
  readonly offline?: true;
  readonly json?: true;
}

export function registerDoctor(program: Command, io: CliIo): void {
  program
    .command('doctor')
    .helpGroup('Begin')
    .summary('what is missing')
    .description(
      'Looks at everything that the syncs need, before a deployment or after one: lakeferry.yaml, credentials, the SQL warehouse, each source table (grants, change feed, types, a sample of its keys), Neon (version, grants, connections), each target table, the deployed stack, and clocks. What is wrong comes with its fix and with who can make it. It changes nothing, prints no part of a secret, and starts the warehouse where it is stopped.',
    )
    .argument('[sync...]', 'names of syncs; all of them when none is given')
    .option('--offline', 'lakeferry.yaml alone; nothing is asked over a network')
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry doctor\n  lakeferry doctor orders --deployment prod\n  lakeferry doctor --offline\n  lakeferry doctor --local --json',
    )
    .action((names: string[], flags: DoctorFlags) => doctor(names, flags, io));
}

async function doctor(names: readonly string[], flags: DoctorFlags, io: CliIo): Promise<void> {
  const text = await readConfigOptionText(flags, io);
  const config = parseConfig(text, flags.config);
  const syncs = chooseSyncs(config, names);
  const found = flags.offline ? [] : await findAll(config, text, syncs, flags, io);
  const findings = found.map((finding) => withFixInPlace(finding, (words) => inPlace(words, flags, io.env)));
  if (flags.json) io.stdout.write(jsonDocument(doctorJson(findings)));
  else {
    const options = {
      file: flags.config,
      syncs: syncs.length,
      offline: flags.offline === true,
      width: widthOf(io.stdout),
      style: styleFor(io.stdout, io.env),
    };
    io.stdout.write(`${renderDoctor(findings, options).join('\n')}\n`);
  }
  io.setExitCode(doctorExitCode(findings));
}

/** What is to be typed names the system that was looked at. */
function withFixInPlace(finding: Finding, placed: (words: string) => string): Finding {
  const { fix } = finding;
  if (fix === undefined) return finding;
  const { paste, advice } = fix;
  return {
    ...finding,
    fix: { ...fix, paste: paste.map(placed), ...(advice !== undefined && { advice: placed(advice) }) },
  };
}

async function findAll(
  config: LakeferryConfig,
  configText: string,
  syncs: readonly SyncConfig[],
  flags: DoctorFlags,
  io: CliIo,
): Promise<readonly Finding[]> {
  const progress = new Progress(io.stderr, io.clock);
  if (!flags.local) progress.update('looking for the deployment');
  try {
    const surroundings = await openSurroundings(config.connections, flags, io);
    const stack = await openStack(surroundings, config, flags);
    try {
      return await withServices(surroundings, { needs: ['source', 'target'] }, io, async (services) => {
        // Loaded only here, with the parts of it that the other commands have no use for.
        const { examine } = await import('../../doctor/examine.ts');
        const { source, target, clock, checkpoints } = services;
        return examine(
          { source, target, clock, ...(stack && { stack: { ...stack, checkpoints } }) },
          {
            syncs,
            local: {
              version: VERSION,
              file: flags.config,
              configDigest: configDigest(configText),
              connections: config.connections,
              syncs: [...config.syncs.values()],
            },
            onProgress: (waitingFor) => progress.update(waitingFor),
          },
          io.signal,
        );
      });
    } finally {
      stack?.account.close();
      stack?.deadLetters?.close();
    }
  } finally {
    progress.clear();
  }
}

/** Undefined on the local stack, of which nothing is deployed. */
async function openStack(
  { deployment, aws }: Surroundings,
  { connections }: LakeferryConfig,
  { config: file }: DoctorFlags,
) {
  if (deployment === undefined) return undefined;
  const [{ openAccountSurvey }, { composeDeadLetters }] = await Promise.all([
    import('../../deployment/survey.ts'),
    import('../../compose.ts'),
  ]);
  const region = deployment instanceof SyncError ? connections.aws.region : deployment.region;
  return {
    account: openAccountSurvey(region, file),
    deployment,
    ...(aws instanceof SyncError ? {} : { deadLetters: composeDeadLetters(aws) }),
  };
}
