import { setTimeout as delay } from 'node:timers/promises';
import type * as wire from '@databricks/sql/thrift/TCLIService_types.js';
import types from '@databricks/sql/thrift/TCLIService_types.js';
import type { Log } from '../../telemetry/log.ts';
import { columnType } from './column-type.ts';
import { EngineError } from './engine.ts';
import type { Fault, Faults } from './faults.ts';
import { asEngineError, logFailure, type Operation, type Outcome } from './operation.ts';
import { BrokenCall, RefusedCall } from './refused-call.ts';
import type { RowStream } from './row-stream.ts';
import { invalidSession, type Session, type Sessions } from './session.ts';
import { refused, succeeded } from './status.ts';

/** About the size of one answer with rows; a single row may be larger. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

const { TOperationState } = types;

export interface ThriftServiceOptions {
  readonly sessions: Sessions;
  readonly faults: Faults;
  readonly log: Log;
  /** How long a call waits for its statement before it answers that the statement still runs. */
  readonly waitMs: number;
  /** Aborts when the warehouse stops. */
  readonly stopping: AbortSignal;
}

/** The calls of TCLIService that the driver makes, in protocol version 8. Errors that are thrown become statuses. */
export class ThriftService {
  readonly #options: ThriftServiceOptions;

  constructor(options: ThriftServiceOptions) {
    this.#options = options;
  }

  async OpenSession(request: wire.TOpenSessionReq): Promise<wire.TOpenSessionResp> {
    const { sessions, faults } = this.#options;
    const fault = faults.take('openSession');
    if (fault !== undefined && fault.kind !== 'sessionExpired') await this.#strike(fault);
    const { catalogName, schemaName } = request.initialNamespace ?? {};
    if (catalogName || schemaName) {
      throw new RefusedCall('The local SQL warehouse has no initial catalog or schema: qualify every name.');
    }
    const session = await sessions.open(request.configuration ?? {});
    if (fault?.kind === 'sessionExpired') await sessions.close(session);
    return new types.TOpenSessionResp({
      status: succeeded(),
      serverProtocolVersion: types.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8,
      sessionHandle: new types.TSessionHandle({ sessionId: handleOf(session.id) }),
      canUseMultipleCatalogs: true,
    });
  }

  async CloseSession(request: wire.TCloseSessionReq): Promise<wire.TCloseSessionResp> {
    await this.#options.sessions.close(this.#session(request.sessionHandle));
    return new types.TCloseSessionResp({ status: succeeded() });
  }

  async GetInfo(request: wire.TGetInfoReq): Promise<wire.TGetInfoResp> {
    this.#session(request.sessionHandle);
    const values: Partial<Record<wire.TGetInfoType, string>> = {
      [types.TGetInfoType.CLI_SERVER_NAME]: 'Spark SQL',
      [types.TGetInfoType.CLI_DBMS_NAME]: 'Spark SQL',
      [types.TGetInfoType.CLI_DBMS_VER]: '4.0.0',
    };
    const stringValue = values[request.infoType];
    if (stringValue === undefined) throw new RefusedCall('The local SQL warehouse does not have this info.');
    return new types.TGetInfoResp({
      status: succeeded(),
      infoValue: new types.TGetInfoValue({ stringValue }),
    });
  }

  async ExecuteStatement(request: wire.TExecuteStatementReq): Promise<wire.TExecuteStatementResp> {
    const { waitMs } = this.#options;
    const session = this.#session(request.sessionHandle);
    if ((request.parameters ?? []).length > 0) {
      throw new RefusedCall(
        'The local SQL warehouse takes no statement parameters: write the values inline.',
      );
    }
    if (request.canReadArrowResult !== true) {
      throw new RefusedCall('The local SQL warehouse gives results as Arrow only: leave Arrow enabled.');
    }
    const operation = await this.#start(session, request.statement);
    const outcome = await operation.outcomeWithin(waitMs);
    const response = new types.TExecuteStatementResp({
      status: succeeded(),
      operationHandle: new types.TOperationHandle({
        operationId: handleOf(operation.id),
        operationType: types.TOperationType.EXECUTE_STATEMENT,
        // Always: where it is false, the driver neither waits for the statement nor reports its error.
        hasResultSet: true,
      }),
    });
    if (request.getDirectResults) {
      response.directResults = await this.#directResults(
        session,
        operation,
        outcome,
        Number(request.getDirectResults.maxRows),
      );
    }
    return response;
  }

  async GetOperationStatus(request: wire.TGetOperationStatusReq): Promise<wire.TGetOperationStatusResp> {
    const { operation } = this.#operation(request.operationHandle);
    return operationStatus(operation, await operation.outcomeWithin(this.#options.waitMs));
  }

  async CancelOperation(request: wire.TCancelOperationReq): Promise<wire.TCancelOperationResp> {
    this.#operation(request.operationHandle).operation.cancel();
    return new types.TCancelOperationResp({ status: succeeded() });
  }

  async CloseOperation(request: wire.TCloseOperationReq): Promise<wire.TCloseOperationResp> {
    const { session, operation } = this.#operation(request.operationHandle);
    const fault = this.#options.faults.take('closeOperation', operation.statement);
    if (fault !== undefined) await this.#strike(fault, session);
    await session.closeOperation(operation);
    return new types.TCloseOperationResp({ status: succeeded() });
  }

  async GetResultSetMetadata(
    request: wire.TGetResultSetMetadataReq,
  ): Promise<wire.TGetResultSetMetadataResp> {
    return resultSetMetadata(rowsOf(this.#operation(request.operationHandle).operation));
  }

  async FetchResults(request: wire.TFetchResultsReq): Promise<wire.TFetchResultsResp> {
    const { session, operation } = this.#operation(request.operationHandle);
    const rows = rowsOf(operation);
    const fault = this.#options.faults.take('fetch', operation.statement);
    if (fault?.kind === 'shortResult') rows.loseRows(fault.dropRows);
    else if (fault !== undefined) await this.#strike(fault, session);
    return this.#fetch(operation, rows, Number(request.maxRows));
  }

  async #start(session: Session, statement: string): Promise<Operation> {
    const fault = this.#options.faults.take('execute', statement);
    if (fault !== undefined && fault.kind !== 'slow' && fault.kind !== 'error') {
      await this.#strike(fault, session);
    }
    return session.start(statement, async (signal) => {
      if (fault?.kind === 'slow') await delay(fault.ms, undefined, { signal });
      if (fault?.kind === 'error') throw new EngineError(fault.errorClass, fault.sqlState, fault.message);
      return session.engine.execute(statement, signal);
    });
  }

  /** What spares the driver its next calls; with every row in it, the operation is closed as well. */
  async #directResults(
    session: Session,
    operation: Operation,
    outcome: Outcome | undefined,
    maxRows: number,
  ): Promise<wire.TSparkDirectResults> {
    const direct = new types.TSparkDirectResults({ operationStatus: operationStatus(operation, outcome) });
    if (outcome?.kind !== 'finished') return direct;
    direct.resultSetMetadata = resultSetMetadata(outcome.rows);
    // A fault that waits for the rows to be fetched would otherwise find them delivered.
    if (this.#options.faults.isArmed('fetch', operation.statement)) return direct;
    direct.resultSet = await this.#fetch(operation, outcome.rows, maxRows).catch(
      (reason) => new types.TFetchResultsResp({ status: refused(asEngineError(reason)) }),
    );
    if (direct.resultSet.hasMoreRows === false) {
      await session.closeOperation(operation);
      direct.closeOperation = new types.TCloseOperationResp({ status: succeeded() });
    }
    return direct;
  }

  async #fetch(operation: Operation, rows: RowStream, maxRows: number): Promise<wire.TFetchResultsResp> {
    try {
      const { messages, hasMore } = await rows.take(maxRows, MAX_RESPONSE_BYTES);
      // Rows of a statement that was stopped meanwhile may have ended early.
      rowsOf(operation);
      return new types.TFetchResultsResp({
        status: succeeded(),
        hasMoreRows: hasMore,
        results: new types.TRowSet({
          startRowOffset: 0,
          rows: [],
          arrowBatches: messages.map(
            (message) => new types.TSparkArrowBatch({ batch: message.bytes, rowCount: message.rows }),
          ),
        }),
      });
    } catch (thrown) {
      rowsOf(operation);
      const error = asEngineError(thrown);
      logFailure(this.#options.log, error, { operation: operation.id });
      throw error;
    }
  }

  async #strike(fault: Exclude<Fault, { kind: 'shortResult' }>, session?: Session): Promise<void> {
    switch (fault.kind) {
      case 'http':
      case 'dropConnection':
        throw new BrokenCall(fault);
      case 'slow':
        await delay(fault.ms, undefined, { signal: this.#options.stopping });
        return;
      case 'error':
        throw new EngineError(fault.errorClass, fault.sqlState, fault.message);
      case 'sessionExpired':
        if (session === undefined) return;
        await this.#options.sessions.close(session);
        throw invalidSession(session.id);
    }
    fault satisfies never;
  }

  #session(handle: wire.TSessionHandle): Session {
    return this.#options.sessions.find(idOf(handle.sessionId));
  }

  #operation(handle: wire.TOperationHandle): { readonly session: Session; readonly operation: Operation } {
    return this.#options.sessions.findOperation(idOf(handle.operationId));
  }
}

/** The rows of a statement that finished; throws why there are none. */
function rowsOf(operation: Operation): RowStream {
  const { outcome } = operation;
  switch (outcome?.kind) {
    case 'finished':
      return outcome.rows;
    case 'failed':
      throw outcome.error;
    case 'canceled':
      throw new RefusedCall('The statement was canceled.');
    case 'timed_out':
      throw new RefusedCall('The statement ran longer than STATEMENT_TIMEOUT.');
    case undefined:
      throw new RefusedCall('The statement still runs.');
  }
}

function operationStatus(operation: Operation, outcome: Outcome | undefined): wire.TGetOperationStatusResp {
  const status = new types.TGetOperationStatusResp({
    status: succeeded(),
    hasResultSet: true,
    operationState: TOperationState.RUNNING_STATE,
    operationStarted: operation.startedAtMs,
  });
  switch (outcome?.kind) {
    case 'finished':
      status.operationState = TOperationState.FINISHED_STATE;
      break;
    case 'canceled':
      status.operationState = TOperationState.CANCELED_STATE;
      break;
    case 'timed_out':
      status.operationState = TOperationState.TIMEDOUT_STATE;
      break;
    case 'failed':
      status.operationState = TOperationState.ERROR_STATE;
      status.sqlState = outcome.error.sqlState;
      status.displayMessage = outcome.error.message;
      status.errorMessage = `Error running query: [${outcome.error.errorClass}] ${outcome.error.message}`;
      break;
  }
  return status;
}

function resultSetMetadata(rows: RowStream): wire.TGetResultSetMetadataResp {
  const columns = rows.columns.map(
    ({ name, type }, at) =>
      new types.TColumnDesc({ columnName: name, typeDesc: columnType(type).descriptor, position: at + 1 }),
  );
  return new types.TGetResultSetMetadataResp({
    status: succeeded(),
    schema: new types.TTableSchema({ columns }),
    resultFormat: types.TSparkRowSetType.ARROW_BASED_SET,
    arrowSchema: rows.arrowSchema,
    lz4Compressed: false,
  });
}

/** A handle on the wire is the 16 bytes of a uuid. */
function handleOf(id: string): wire.THandleIdentifier {
  const guid = Buffer.from(id.replaceAll('-', ''), 'hex');
  return new types.THandleIdentifier({ guid, secret: guid });
}

function idOf(handle: wire.THandleIdentifier): string {
  return handle.guid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
