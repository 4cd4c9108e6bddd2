/** Bundles from folders, web servers and gateways: bounded, checked, and never from where a stranger must not lead. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundleSource, publishBundle } from '../../scripts/lib/bundles.ts';
import { folderStore } from '../../scripts/lib/stores/folder.ts';
import { hintStores } from '../../scripts/lib/stores/hints.ts';
import { isPublicAddress } from '../../scripts/lib/stores/hosts.ts';
import { httpStore } from '../../scripts/lib/stores/http.ts';
import { openStores } from '../../scripts/lib/stores/open.ts';
import { bundlePath } from '../../scripts/lib/stores/types.ts';
import { CELL } from '../../verifier/bundle.ts';
import { InputError } from '../../verifier/input.ts';
import { cells, hasty, rootOf } from './support/bundles.ts';
import { startServer, type Answer, type TestServer } from './support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-stores-'));
const bundle = cells(5);
const root = rootOf(bundle);
const size = { exact: bundle.length, limit: 8 * CELL };
const none = new Set<string>();

let server: TestServer;
let other: TestServer;
before(async () => {
  server = await startServer();
  other = await startServer();
});
beforeEach(() => {
  server.asked.length = other.asked.length = 0;
});
after(() => {
  server.close();
  other.close();
  rmSync(folder, { recursive: true, force: true });
});

const gives =
  (bytes: Uint8Array, status = 200): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-length': bytes.length }).end(bytes);
/** Fetches from one web store whose server gives these answers, one after the other, the last one again and again. */
const from = (...answers: readonly Answer[]): Promise<Uint8Array> => {
  let i = 0;
  server.answer = (asked, response) => (answers[Math.min(i++, answers.length - 1)] as Answer)(asked, response);
  return bundleSource([httpStore(`${server.url}/base`, none, hasty)], () => []).fetch({ bundleRoot: root, uris: [] }, size);
};
const refuses = (fetching: Promise<unknown>, pattern: RegExp): Promise<void> =>
  assert.rejects(fetching, (e) => e instanceof InputError && pattern.test(e.message));
const hinted = (uri: string, allowed: readonly string[] = [], gateway?: string): Promise<Uint8Array> =>
  bundleSource([], (uris) => hintStores(uris, { allowed: new Set(allowed), gateway, patience: hasty })).fetch(
    { bundleRoot: root, uris: [uri] },
    size,
  );

test('a web store is asked for the path of the root', async () => {
  assert.deepEqual(await from(gives(bundle)), bundle);
  assert.deepEqual(
    server.asked.map((a) => [a.method, a.url]),
    [['GET', `/base/${bundlePath(root)}`]],
  );
});

test('stores are asked in order, and what all of them say is told', async () => {
  server.answer = gives(bundle);
  const stores = [folderStore(join(folder, 'empty')), httpStore(other.url, none, hasty), httpStore(server.url, none, hasty)];
  assert.equal((await bundleSource(stores, () => []).fetch({ bundleRoot: root, uris: [] }, size)).length, bundle.length);
  assert.equal(other.asked.length, 1);
  await refuses(
    bundleSource(stores.slice(0, 2), () => []).fetch({ bundleRoot: root, uris: [] }, size),
    /is not in .*empty; http:.* is not there/,
  );
});

test('a bundle that is not there is asked for once, and found when it has come', async () => {
  await refuses(
    from((_, response) => response.writeHead(404).end()),
    /is not there/,
  );
  assert.equal(server.asked.length, 1);
  assert.equal((await from(gives(bundle))).length, bundle.length);
});

test('errors of the server and broken connections are tried again, a few times', async () => {
  const broken: Answer = (_, response) => {
    response.writeHead(200, { 'content-length': bundle.length }).write(bundle.subarray(0, 100));
    setImmediate(() => response.destroy());
  };
  const busy: Answer = (_, response) => response.writeHead(503).end();
  assert.equal((await from(broken, busy, gives(bundle))).length, bundle.length);
  assert.equal(server.asked.length, 3);
  await refuses(from(busy), /status 503/);
  assert.equal(server.asked.length, 6);
  await refuses(from(broken), /cannot be reached|connection broke/);
  await refuses(
    from((_, response) => response.writeHead(403).end()),
    /status 403/,
  );
});

test('a bundle that is too large is refused from its announced length, or where it passes the limit', async () => {
  let wrote = 0;
  const announced: Answer = (_, response) => {
    response.writeHead(200, { 'content-length': 1 << 30 });
    response.flushHeaders();
  };
  await refuses(from(announced), /has 1073741824 bytes, more than 512/);
  const endless: Answer = (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(1 << 16))) wrote += 1 << 16;
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  await refuses(from(endless), /more than 512 bytes/);
  assert.ok(wrote < 1 << 26);
  assert.equal(server.asked.length, 2);
});

test('a server that is silent, or drips, is given up', async () => {
  await refuses(
    from((_, response) => void response.writeHead(200, { 'content-length': bundle.length }).write(bundle.subarray(0, 1))),
    /no byte for|cannot be reached/,
  );
  const drips: Answer = (_, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write('x'), 50);
    response.on('close', () => clearInterval(drip));
  };
  await refuses(from(drips), /slower than|took longer/);
});

test('other content than the root says is refused, from every kind of store', async () => {
  await refuses(from(gives(cells(5, 2))), /another content/);
  await refuses(from(gives(bundle.subarray(0, 100))), /another content/);
  await refuses(from(gives(new Uint8Array())), /another content/);
  const lying = join(folder, 'lying');
  await folderStore(lying).put?.(root, cells(5, 3));
  await refuses(bundleSource([folderStore(lying)], () => []).fetch({ bundleRoot: root, uris: [] }, size), /another content/);
});

test('cells of zeros at the end, which the root does not bind, change nothing: a store cannot make a good bundle invalid', async () => {
  const longer = new Uint8Array(8 * CELL);
  longer.set(bundle);
  assert.equal(rootOf(longer), root);
  assert.deepEqual(await from(gives(longer)), bundle);
  const zeroEnded = new Uint8Array(6 * CELL);
  zeroEnded.set(bundle);
  server.answer = gives(bundle);
  const source = bundleSource([httpStore(server.url, none, hasty)], () => []);
  assert.deepEqual(await source.fetch({ bundleRoot: root, uris: [] }, { exact: 6 * CELL, limit: 8 * CELL }), zeroEnded);
  // A length that zeros don't explain is the claimant's: the verifier gets it, and refuses it.
  assert.equal((await source.fetch({ bundleRoot: root, uris: [] }, { exact: 3 * CELL, limit: 8 * CELL })).length, bundle.length);
});

test('compressed answers are refused', async () => {
  await refuses(
    from((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bundle))),
    /is encoded \(gzip\)/,
  );
});

test('redirects: a few, to where requests may go, and without the credentials', async () => {
  const to =
    (location: string): Answer =>
    (_, response) =>
      response.writeHead(302, { location }).end();
  assert.equal((await from(to('/elsewhere'), gives(bundle))).length, bundle.length);
  assert.equal(server.asked[1]?.url, '/elsewhere');
  await refuses(from(to('/again')), /redirects more than 3 times/);
  await refuses(from(to('file:///etc/passwd')), /redirects to file:/);
  await refuses(
    from((_, response) => response.writeHead(302).end()),
    /redirects/,
  );
  // 127.0.0.1 at another port was not named by the operator.
  await refuses(from(to(`${other.url}/x`)), /not on the public network/);
  assert.equal(other.asked.length, 0);
  other.answer = gives(bundle);
  server.answer = to(`${other.url}/x`);
  const store = httpStore(server.url.replace('http://', 'http://me:secret@'), new Set([`127.0.0.1:${other.port}`]), hasty);
  assert.equal((await bundleSource([store], () => []).fetch({ bundleRoot: root, uris: [] }, size)).length, bundle.length);
  assert.equal(server.asked.at(-1)?.headers.authorization, `Basic ${Buffer.from('me:secret').toString('base64')}`);
  assert.equal(other.asked[0]?.headers.authorization, undefined);
  other.answer = (_, response) => response.writeHead(404).end();
  await refuses(bundleSource([store], () => []).fetch({ bundleRoot: root, uris: [] }, size), /^(?!.*secret)/);
});

test('publishing writes to folders and servers, and reads back', async () => {
  const files = new Map<string, Buffer>();
  server.answer = ({ method, url, body }, response) => {
    if (method === 'PUT') files.set(url, body);
    const file = files.get(url);
    response.writeHead(file === undefined ? 404 : method === 'PUT' ? 201 : 200).end(method === 'PUT' ? '' : file);
  };
  const stores = [folderStore(join(folder, 'published')), httpStore(server.url, none, hasty)];
  assert.equal(await publishBundle(stores, bundle), root);
  for (const store of stores) assert.deepEqual(new Uint8Array(await store.get(root, size.limit)), bundle);
  server.answer = ({ method }, response) => response.writeHead(method === 'PUT' ? 200 : 404).end();
  await refuses(publishBundle(stores, bundle), /not published.*is not there/);
  server.answer = (_, response) => response.writeHead(405).end();
  await refuses(publishBundle(stores, bundle), /not published.*status 405/);
});

test('who is told to stop stops', async () => {
  const stop = new AbortController();
  server.answer = () => stop.abort(new Error('told to stop'));
  const source = bundleSource([httpStore(server.url, none, { ...hasty, idle: 60_000, total: 60_000 })], () => []);
  await assert.rejects(source.fetch({ bundleRoot: root, uris: [] }, size, undefined, stop.signal), /told to stop/);
});

test('a claim’s URIs lead to the public network alone, and to what the operator allows', async () => {
  server.answer = gives(bundle);
  const { port } = server;
  for (const host of ['127.0.0.1', 'localhost', '127.1', '0x7f.0.0.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0'])
    await refuses(hinted(`http://${host}:${port}/b`), /not on the public network/);
  for (const uri of ['http://169.254.169.254/latest/meta-data', 'https://10.0.0.1/', 'http://[fe80::1]/', 'http://[fd00::1]/'])
    await refuses(hinted(uri), /not on the public network/);
  for (const uri of ['file:///etc/passwd', 'ftp://example.org/x', 'data:,x', 's3://bucket/x', 'no uri', ''])
    await refuses(hinted(uri), /is not http, https or ipfs/);
  await refuses(hinted(`http://user@example.org/`), /credentials/);
  await refuses(hinted(`https://example.org/${'x'.repeat(3000)}`), /longer than/);
  assert.equal(server.asked.length, 0);
  for (const allowed of ['127.0.0.1', `127.0.0.1:${port}`])
    assert.equal((await hinted(`http://127.0.0.1:${port}/b`, [allowed])).length, bundle.length);
  await refuses(hinted(`http://127.0.0.1:${port}/b`, ['127.0.0.1:1']), /not on the public network/);
  // An allowed host cannot lead to one that is not.
  server.answer = (_, response) => response.writeHead(307, { location: other.url }).end();
  await refuses(hinted(`http://127.0.0.1:${port}/b`, [`127.0.0.1:${port}`]), /not on the public network/);
  assert.equal(other.asked.length, 0);
});

test('ipfs:// goes through the gateway; its content is bound by the root', async () => {
  const cid = `bafybei${'a'.repeat(52)}`;
  server.answer = gives(bundle);
  await refuses(hinted(`ipfs://${cid}`), /--ipfs-gateway/);
  assert.equal((await hinted(`ipfs://${cid}/claim/bundle.bin`, [], server.url)).length, bundle.length);
  assert.equal(server.asked[0]?.url, `/ipfs/${cid}/claim/bundle.bin`);
  for (const bad of [`ipfs://${cid}/../../admin`, 'ipfs://short', `ipfs://${cid}?x=1`, `ipfs://${cid}@x`])
    await refuses(hinted(bad, [], server.url), /is not http, https or ipfs/);
  server.answer = gives(cells(5, 9));
  await refuses(hinted(`ipfs://${cid}`, [], server.url), /another content/);
  assert.throws(() => hintStores([], { gateway: 'ftp://x', allowed: none }), /--ipfs-gateway/);
});

test('only some of many URIs are tried', async () => {
  const uris = Array.from({ length: 50 }, (_, i) => `http://127.0.0.1:${server.port}/${i}`);
  server.answer = (_, response) => response.writeHead(404).end();
  const source = bundleSource([], (all) => hintStores(all, { allowed: new Set(['127.0.0.1']), patience: hasty }));
  await refuses(source.fetch({ bundleRoot: root, uris }, size), /is not there/);
  assert.equal(server.asked.length, 4);
});

test('slow servers behind several URIs share one time', async () => {
  const uris = [0, 1, 2, 3].map((i) => `http://127.0.0.1:${server.port}/${i}`);
  server.answer = (_, response) => {
    const drip = setInterval(() => response.write('x'), 50);
    response.on('close', () => clearInterval(drip));
  };
  const patience = { ...hasty, idle: 60_000, total: 300 };
  const source = bundleSource([], (all) => hintStores(all, { allowed: new Set(['127.0.0.1']), patience }));
  await refuses(source.fetch({ bundleRoot: root, uris }, size), /URI .*\/3 and the URIs before it took too long/);
  assert.ok(server.asked.length < 4);
});

test('public addresses', () => {
  for (const a of ['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450::1']) assert.ok(isPublicAddress(a), a);
  const special = ['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.16.0.1', '192.168.1.1', '198.18.0.1'];
  const more = ['224.0.0.1', '255.255.255.255', '::', '::1', '::ffff:8.8.8.8', 'fc00::1', 'fe80::1', 'ff02::1', '64:ff9b::7f00:1'];
  for (const a of [...special, ...more, '2001:db8::1', '2002:7f00:1::', '2001::1', 'name']) assert.ok(!isPublicAddress(a), a);
});

test('--store: kinds are told apart by their beginning', () => {
  const names = openStores({ store: ['folder', 'http://host/x/', 'https://me:pw@host/y', 's3://bucket/pre'] }).map((s) => s.name);
  assert.deepEqual(names, ['folder', 'http://host/x/', 'https://host/y/', 's3://bucket/pre']);
  assert.throws(() => openStores({ store: ['file:///x'] }), /--store: file:\/\/\/x is no kind of store/);
  assert.throws(() => openStores({ store: ['s3://UPPER'] }), /is not s3:\/\/bucket\/prefix/);
  assert.throws(() => openStores({ store: ['s3://bucket/../x'] }), /is not s3:\/\/bucket\/prefix/);
  assert.throws(() => openStores({ store: ['https://host/x?y'] }), /query/);
});
