/** A web server on a free port of 127.0.0.1 that answers as it is told and remembers what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export type Answer = (asked: Asked, response: ServerResponse) => void;

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly asked: Asked[];
  answer: Answer;
  close(): void;
}

export async function startServer(answer: Answer = (_, response) => response.writeHead(404).end()): Promise<TestServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) };
      asked.push(one);
      self.answer(one, response);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const self: TestServer = {
    url: `http://127.0.0.1:${port}`,
    port,
    asked,
    answer,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return self;
}
