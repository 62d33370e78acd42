import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { FrameReader } from '../../src/local/neon-proxy/frame-reader.ts';
import { startNeonProxy } from '../../src/local/neon-proxy/proxy.ts';

const BINARY = 0x2;
const CLOSE = 0x8;
const PING = 0x9;

/** A client's frame, byte by byte as RFC 6455 has it. */
function frame(opcode: number, payload: Uint8Array, mask: readonly number[], final = true): Buffer {
  const { length } = payload;
  const head = [(final ? 0x80 : 0) | opcode];
  if (length < 126) head.push(0x80 | length);
  else if (length < 65_536) head.push(0x80 | 126, length >> 8, length & 0xff);
  else
    head.push(
      0x80 | 127,
      0,
      0,
      0,
      0,
      length >>> 24,
      (length >>> 16) & 0xff,
      (length >>> 8) & 0xff,
      length & 0xff,
    );
  return Buffer.from([...head, ...mask, ...payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))]);
}

function read(pieces: readonly Buffer[]) {
  const data: Buffer[] = [];
  const controls: [number, string][] = [];
  const reader = new FrameReader(
    (bytes) => data.push(Buffer.from(bytes)),
    (opcode, payload) => controls.push([opcode, payload.toString('hex')]),
  );
  const ok = pieces.every((piece) => reader.take(piece));
  return { ok, data: Buffer.concat(data), controls };
}

const length = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.constantFrom(124, 125, 126, 127, 65_535, 65_536, 65_537),
);
const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));

test('payload arrives whole and in order, however the frames are masked and cut into pieces', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ length, mask, seed: fc.nat(255) }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(1_000_000), { maxLength: 12 }),
      (frames, cuts) => {
        const payloads = frames.map(({ length, seed }) =>
          Buffer.from(Array.from({ length }, (_, i) => seed + i * 7)),
        );
        const stream = Buffer.concat(
          frames.flatMap(({ mask }, i) => [
            frame(BINARY, payloads[i] ?? Buffer.alloc(0), mask),
            frame(PING, Buffer.of(i, 9), mask),
          ]),
        );
        const at = [...cuts.map((cut) => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b);
        const pieces = at.map((end, i) => Buffer.from(stream.subarray(at[i - 1] ?? 0, end)));
        const seen = read(pieces);
        expect(seen.ok).toBe(true);
        expect(seen.data.equals(Buffer.concat(payloads))).toBe(true);
        expect(seen.controls).toEqual(frames.map((_, i) => [PING, `0${i}09`]));
      },
    ),
    { numRuns: 60 },
  );
});

test('a header that comes byte by byte is understood', () => {
  const bytes = frame(BINARY, Buffer.from('x'.repeat(70_000)), [1, 2, 3, 4]);
  const pieces = [...bytes.subarray(0, 20)].map((byte) => Buffer.of(byte));
  expect(read([...pieces, bytes.subarray(20)]).data.toString()).toBe('x'.repeat(70_000));
});

test('continued messages are one stream, and a close frame is reported with its code', () => {
  const none = [0, 0, 0, 0];
  const seen = read([
    frame(BINARY, Buffer.from('one '), none, false),
    frame(0, Buffer.from('two'), none),
    frame(CLOSE, Buffer.of(3, 232), none),
  ]);
  expect(seen).toEqual({ ok: true, data: Buffer.from('one two'), controls: [[CLOSE, '03e8']] });
});

test('an unmasked frame and an oversized control frame are refused', () => {
  expect(read([Buffer.of(0x82, 1, 65)]).ok).toBe(false);
  expect(read([frame(PING, Buffer.alloc(126), [1, 2, 3, 4])]).ok).toBe(false);
});

test('another WebSocket library agrees on handshake, ping and closing', async () => {
  const backend = createServer().listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const { port } = backend.address() as AddressInfo;
  const proxy = await startNeonProxy({ postgres: { host: '127.0.0.1', port, url: () => '' } });
  const client = new WebSocket(`ws://${proxy.address}/v2`);
  const [[connection]] = await Promise.all([once(backend, 'connection'), once(client, 'open')]);
  client.ping('echo');
  expect(String((await once(client, 'pong'))[0])).toBe('echo');
  const closed = once(client, 'close');
  connection.end();
  expect((await closed)[0]).toBe(1000);
  await proxy.close();
  backend.close();
});
