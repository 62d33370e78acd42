import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../../src/local/warehouse/spark/wire.ts';

/** Stands for the bridge: what it does with each connection is the test's. */
let server: Server;
let serve: (socket: Socket, line: string) => void;
let port: number;

beforeEach(async () => {
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => serve(socket, bytes.toString()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => new Promise((done) => server.close(done)));

const request = { do: 'execute', statement: "select 'ü'" };
const address = () => ({ port, token: 'secret' });

async function bytesOf(rest: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of rest) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('asking the bridge', () => {
  it('sends one line of JSON, and gives the answer and the bytes behind it, wherever the network cuts them', async () => {
    let asked = '';
    serve = (socket, line) => {
      asked = line;
      socket.write('{"colu');
      setImmediate(() => {
        socket.write('mns":[1]}\nfirst ');
        setImmediate(() => socket.end('second'));
      });
    };
    const { answer, rest } = await ask(address(), request);
    expect(asked).toBe(`${JSON.stringify({ token: 'secret', ...request })}\n`);
    expect(answer).toEqual({ columns: [1] });
    expect(await bytesOf(rest)).toBe('first second');
  });

  it('throws what Spark refuses, by the name that Databricks has for it', async () => {
    const error = {
      errorClass: 'REQUIRES_SINGLE_PART_NAMESPACE',
      sqlState: '42K05',
      message: '[REQUIRES_SINGLE_PART_NAMESPACE] spark_catalog got `a`.`b`. SQLSTATE: 42K05',
    };
    serve = (socket) => socket.end(`${JSON.stringify({ error })}\n`);
    await expect(ask(address(), request)).rejects.toMatchObject({
      errorClass: 'NO_SUCH_CATALOG_EXCEPTION',
      sqlState: '42704',
      message: '[NO_SUCH_CATALOG_EXCEPTION] spark_catalog got `a`.`b`. SQLSTATE: 42704',
    });
  });

  it('fails when the bridge ends before it answered', async () => {
    serve = (socket) => socket.end('{"half');
    await expect(ask(address(), request)).rejects.toMatchObject({ errorClass: 'INTERNAL_ERROR' });
  });

  it('ends the connection, and with it the statement, when its caller gives up', async () => {
    const giveUp = new AbortController();
    const closed = new Promise<void>((done) => {
      serve = (socket) => {
        socket.once('close', () => done());
        giveUp.abort();
      };
    });
    await expect(ask(address(), request, giveUp.signal)).rejects.toMatchObject({
      errorClass: 'OPERATION_CANCELED',
    });
    await closed;
    await expect(ask(address(), request, giveUp.signal)).rejects.toMatchObject({
      errorClass: 'OPERATION_CANCELED',
    });
  });

  it('ends the connection when its rows are left unread', async () => {
    const closed = new Promise<void>((done) => {
      serve = (socket) => {
        socket.once('close', () => done());
        socket.write('{}\nrow');
      };
    });
    const { rest } = await ask(address(), request);
    for await (const _ of rest) break;
    await closed;
  });
});
