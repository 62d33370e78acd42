import TCLIService from '@databricks/sql/thrift/TCLIService.js';
import type { TStatus } from '@databricks/sql/thrift/TCLIService_types.js';
import types from '@databricks/sql/thrift/TCLIService_types.js';
import thrift from 'thrift';
import { EngineError } from './engine.ts';
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
 * The answer to one Thrift message, both in the binary protocol. Rejects with BrokenCall where the call gets no
 * answer, and with another error where `request` is not a Thrift message.
 */
export function answerThrift(request: Buffer, service: ThriftService): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const served = (Object.keys(REFUSED) as ServiceMethod[]).map((name) => [
      name,
      (call: never) => answer(name, call),
    ]);
    const answer = async (name: ServiceMethod, call: never): Promise<object> => {
      try {
        return await service[name](call);
      } catch (thrown) {
        if (thrown instanceof BrokenCall) reject(thrown);
        if (thrown instanceof EngineError || thrown instanceof RefusedCall) {
          return REFUSED[name](refused(thrown));
        }
        throw thrown;
      }
    };
    const notServed = NOT_SERVED.map((name) => [
      name,
      async (_call: never) => {
        throw new Error(`The local SQL warehouse does not serve ${name}.`);
      },
    ]);
    const processor = new TCLIService.Processor(Object.fromEntries([...served, ...notServed]));
    const output = new thrift.TBinaryProtocol(new thrift.TBufferedTransport(undefined, resolve));
    thrift.TBufferedTransport.receiver((input) => {
      processor.process(new thrift.TBinaryProtocol(input), output);
    }, 0)(request);
  });
}
