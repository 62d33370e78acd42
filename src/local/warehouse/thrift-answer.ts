import TCLIService from '@databricks/sql/thrift/TCLIService.js';
import type { TStatus } from '@databricks/sql/thrift/TCLIService_types.js';
import types from '@databricks/sql/thrift/TCLIService_types.js';
import thrift from 'thrift';
import type { Log } from '../../telemetry/log.ts';
import { EngineError } from './engine.ts';
import { asEngineError, logFailure } from './operation.ts';
import { BrokenCall, RefusedCall } from './refused-call.ts';
import { refused } from './status.ts';
import type { ThriftService } from './thrift-service.ts';

type ServiceMethod = Exclude<keyof ThriftService, symbol>;

/** What each call is answered with when it is refused: a response that is nothing but a status. */
const REFUSED: Readonly<Record<ServiceMethod, (status: TStatus) => object>> = {
  OpenSession: (status) =>
    new types.TOpenSessionResp({
      status,
      serverProtocolVersion: types.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8,
    }),
  CloseSession: (status) => new types.TCloseSessionResp({ status }),
  GetInfo: (status) => new types.TGetInfoResp({ status, infoValue: new types.TGetInfoValue() }),
  ExecuteStatement: (status) => new types.TExecuteStatementResp({ status }),
  GetOperationStatus: (status) => new types.TGetOperationStatusResp({ status }),
  CancelOperation: (status) => new types.TCancelOperationResp({ status }),
  CloseOperation: (status) => new types.TCloseOperationResp({ status }),
  GetResultSetMetadata: (status) => new types.TGetResultSetMetadataResp({ status }),
  FetchResults: (status) => new types.TFetchResultsResp({ status }),
};

/** Calls of the service that a SQL warehouse answers and this one does not. */
const NOT_SERVED = [
  'GetTypeInfo',
  'GetCatalogs',
  'GetSchemas',
  'GetTables',
  'GetTableTypes',
  'GetColumns',
  'GetFunctions',
  'GetPrimaryKeys',
  'GetCrossReference',
  'GetDelegationToken',
  'CancelDelegationToken',
  'RenewDelegationToken',
];

/**
 * The answer to one Thrift message, both in the binary protocol, as parts to send one after the other. Rejects with BrokenCall where the call gets no
 * answer, and with another error where `request` is not a Thrift message.
 */
export function answerThrift(request: Buffer, service: ThriftService, log: Log): Promise<readonly Buffer[]> {
  return new Promise((resolve, reject) => {
    const served = (Object.keys(REFUSED) as ServiceMethod[]).map((name) => [
      name,
      (call: never) => answer(name, call),
    ]);
    const answer = async (name: ServiceMethod, call: never): Promise<object> => {
      try {
        return await service[name](call);
      } catch (thrown) {
        if (thrown instanceof BrokenCall) {
          reject(thrown);
          throw thrown;
        }
        if (thrown instanceof RefusedCall || thrown instanceof EngineError) {
          return REFUSED[name](refused(thrown));
        }
        const error = asEngineError(thrown);
        logFailure(log, error, { call: name });
        return REFUSED[name](refused(error));
      }
    };
    const notServed = NOT_SERVED.map((name) => [
      name,
      async (_call: never) => {
        throw new Error(`The local SQL warehouse does not serve ${name}.`);
      },
    ]);
    const processor = new TCLIService.Processor(Object.fromEntries([...served, ...notServed]));
    const output = new thrift.TBinaryProtocol(new GatheringTransport(resolve));
    thrift.TBufferedTransport.receiver((input) => {
      processor.process(new thrift.TBinaryProtocol(input), output);
    }, 0)(request);
  });
}

/** Parts of at least this size are sent from where they are; smaller ones are worth copying together. */
const LARGE_PART_BYTES = 64 * 1024;

/** Unlike TBufferedTransport, does not copy megabytes of rows into a buffer of its own. */
class GatheringTransport implements thrift.OutputTransport {
  readonly #onFlush: (parts: readonly Buffer[]) => void;
  readonly #parts: Buffer[] = [];
  #small: Buffer[] = [];

  constructor(onFlush: (parts: readonly Buffer[]) => void) {
    this.#onFlush = onFlush;
  }

  write(part: Buffer | string): void {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    if (bytes.length < LARGE_PART_BYTES) {
      this.#small.push(bytes);
      return;
    }
    this.#gatherSmall();
    this.#parts.push(bytes);
  }

  flush(): void {
    this.#gatherSmall();
    this.#onFlush(this.#parts);
  }

  /** One transport carries one answer. */
  setCurrSeqId(_seqid: number): void {}

  #gatherSmall(): void {
    if (this.#small.length > 0) this.#parts.push(Buffer.concat(this.#small));
    this.#small = [];
  }
}
