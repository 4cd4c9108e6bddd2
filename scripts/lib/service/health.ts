/** `/healthz` (200, or 503 with the reason) and `/metrics` of the service, on loopback unless told otherwise. Shows nothing secret, takes no input. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { InputError } from '../../../verifier/input.ts';

export interface HealthAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[v6]:port`, or a port of 127.0.0.1. */
export function healthOption(text: string): HealthAddress {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65535) throw new InvalidArgumentError('It must be host:port, or a port of 127.0.0.1.');
  return { host: (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port };
}

export interface Health {
  readonly ok: boolean;
  readonly reason: string;
  readonly [detail: string]: unknown;
}

/** Serves until closed. Errors: the address cannot be had. */
export async function serveHealth(
  { host, port }: HealthAddress,
  health: () => Health,
  metrics: () => string,
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 8192 }, (request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', connection: 'close' });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'text/plain', 'only GET\n');
    else if (path === '/healthz') {
      const h = health();
      answer(h.ok ? 200 : 503, 'application/json', `${JSON.stringify(h)}\n`);
    } else if (path === '/metrics') answer(200, 'text/plain; version=0.0.4; charset=utf-8', metrics());
    else answer(404, 'text/plain', 'only /healthz and /metrics\n');
  });
  server.maxConnections = 64;
  await new Promise<void>((done, fail) => {
    server.once('error', (e: Error & { code?: string }) =>
      fail(new InputError('--health', '', `${host}:${port} cannot be had: ${e.code ?? e.message}`, 'give another address')),
    );
    server.listen(port, host, done);
  });
  const at = server.address() as AddressInfo;
  return {
    url: `http://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
