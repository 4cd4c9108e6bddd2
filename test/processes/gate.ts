/** Between a party and the chain: passes JSON-RPC on, knows every transaction that was signed, and can cut the line before or after one reaches the node. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a transaction that a party hands in. */
export interface Hooks {
  /** Before the node sees it; `cut`: it never does, and the party hears nothing. */
  signed(raw: string): 'pass' | 'cut';
  /** The node has taken it; `cut`: the party hears nothing. */
  taken(raw: string): 'pass' | 'cut';
  /** The party knows that it is sent. */
  told(): void;
}

export interface Gate {
  readonly url: string;
  close(): void;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** Opens a gate to the node at `target`. A node that does not answer looks to the party as if nobody listened. */
export async function openGate(target: string, hooks: Hooks): Promise<Gate> {
  const forward = async (body: string): Promise<string> => {
    const response = await fetch(target, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return response.text();
  };
  const server: Server = createServer((request, response) => {
    const cut = (): void => void request.socket.destroy();
    void (async () => {
      const body = await bodyOf(request);
      const { method, params } = JSON.parse(body) as { method: string; params?: unknown[] };
      const raw = method === 'eth_sendRawTransaction' ? String(params?.[0]) : null;
      if (raw !== null && hooks.signed(raw) === 'cut') return cut();
      const answer = await forward(body);
      const taken = raw !== null && 'result' in (JSON.parse(answer) as object);
      if (taken && hooks.taken(raw) === 'cut') return cut();
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
      if (taken) hooks.told();
    })().catch(cut);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
