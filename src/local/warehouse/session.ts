import { randomUUID } from 'node:crypto';
import type { Log } from '../../telemetry/log.ts';
import type { EngineSession, WarehouseEngine } from './engine.ts';
import { Operation, type OperationOptions } from './operation.ts';
import { RefusedCall } from './refused-call.ts';

const MAX_STATEMENT_TIMEOUT_SECONDS = 172_800;

export class Session {
  readonly id: string = randomUUID();
  readonly engine: EngineSession;
  readonly #timeoutMs: number | undefined;
  readonly #log: Log;
  readonly #operations = new Map<string, Operation>();

  constructor(engine: EngineSession, statementTimeoutSeconds: number | undefined, log: Log) {
    this.#log = log;
    this.engine = engine;
    this.#timeoutMs = statementTimeoutSeconds === undefined ? undefined : statementTimeoutSeconds * 1000;
  }

  start(statement: string, run: OperationOptions['run']): Operation {
    const operation = new Operation({ statement, run, timeoutMs: this.#timeoutMs, log: this.#log });
    this.#operations.set(operation.id, operation);
    return operation;
  }

  operation(id: string): Operation | undefined {
    return this.#operations.get(id);
  }

  /** The statements under way. */
  statements(): readonly string[] {
    return [...this.#operations.values()].filter(({ isOver }) => !isOver).map(({ statement }) => statement);
  }

  async closeOperation(operation: Operation): Promise<void> {
    this.#operations.delete(operation.id);
    await operation.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#operations.values()].map((operation) => this.closeOperation(operation)));
    await this.engine.close();
  }
}

/** The sessions of one warehouse. A handle that is not known here is answered as one that expired. */
export class Sessions {
  readonly #engine: WarehouseEngine;
  readonly #open = new Map<string, Session>();
  readonly #log: Log;
  #closed = false;

  constructor(engine: WarehouseEngine, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  async open(configuration: Readonly<Record<string, string>>): Promise<Session> {
    const timeoutSeconds = parseConfiguration(configuration);
    const session = new Session(await this.#engine.openSession(), timeoutSeconds, this.#log);
    if (this.#closed) {
      await session.close();
      throw new RefusedCall('The local SQL warehouse is stopping.');
    }
    this.#open.set(session.id, session);
    return session;
  }

  find(id: string): Session {
    const session = this.#open.get(id);
    if (session === undefined) throw invalidSession(id);
    return session;
  }

  findOperation(id: string): { readonly session: Session; readonly operation: Operation } {
    for (const session of this.#open.values()) {
      const operation = session.operation(id);
      if (operation !== undefined) return { session, operation };
    }
    throw new RefusedCall(`RESOURCE_DOES_NOT_EXIST: Command ${id} does not exist.`, { invalidHandle: true });
  }

  /** The statements under way in all sessions. */
  statements(): readonly string[] {
    return [...this.#open.values()].flatMap((session) => session.statements());
  }

  async close(session: Session): Promise<void> {
    this.#open.delete(session.id);
    await session.close();
  }

  async closeAll(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open.values()].map((session) => this.close(session)));
  }
}

export function invalidSession(id: string): RefusedCall {
  return new RefusedCall(`Invalid SessionHandle: SessionHandle [${id}]`, { invalidHandle: true });
}

/**
 * The statement timeout in seconds, if one is set. Other settings change nothing here, except a time zone: the
 * engine speaks UTC only, so another zone is refused.
 */
function parseConfiguration(configuration: Readonly<Record<string, string>>): number | undefined {
  let timeoutSeconds: number | undefined;
  for (const [name, value] of Object.entries(configuration)) {
    switch (name.toUpperCase()) {
      case 'STATEMENT_TIMEOUT': {
        const seconds = /^\d+$/.test(value) ? Number(value) : Number.NaN;
        if (!(seconds <= MAX_STATEMENT_TIMEOUT_SECONDS)) {
          throw new RefusedCall('STATEMENT_TIMEOUT must be a number of seconds from 0 to 172800.');
        }
        timeoutSeconds = seconds === 0 ? undefined : seconds;
        break;
      }
      case 'TIMEZONE':
        if (!/^(utc|etc\/utc|z|\+00:00)$/i.test(value)) {
          throw new RefusedCall('The local SQL warehouse knows no TIMEZONE but UTC.');
        }
        break;
    }
  }
  return timeoutSeconds;
}
