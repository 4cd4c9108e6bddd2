/** Buckets: a server that checks signatures as S3 does, written from its specification and not with the library that signs. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { publishBundle } from '../../scripts/lib/bundles.ts';
import { s3Access, s3Store, type S3Access } from '../../scripts/lib/stores/s3.ts';
import { bundlePath } from '../../scripts/lib/stores/types.ts';
import { cells, hasty, rootOf } from './support/bundles.ts';
import { startServer, type Asked, type TestServer } from './support/server.ts';

const bundle = cells(3);
const root = rootOf(bundle);
const [id, secret] = ['AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'];
const SHAPE =
  /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
const sha256 = (x: string | Buffer): string => createHash('sha256').update(x).digest('hex');
const hmac = (key: string | Buffer, x: string): Buffer => createHmac('sha256', key).update(x).digest();

/** Signature version 4 of a request without a query. */
function signatureHolds({ method, url, headers, body }: Asked): boolean {
  const match = SHAPE.exec(headers.authorization ?? '');
  if (match === null) return false;
  const [, , day, region, names, signature] = match as unknown as [string, string, string, string, string, string];
  const signed = names.split(';');
  for (const needed of ['host', 'x-amz-content-sha256', 'x-amz-date']) if (!signed.includes(needed)) return false;
  if (headers['x-amz-content-sha256'] !== sha256(body)) return false;
  const lines = signed.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('');
  const canonical = [method, url, '', lines, names, headers['x-amz-content-sha256']].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], `${day}/${region}/s3/aws4_request`, sha256(canonical)].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>((k, x) => hmac(k, x), `AWS4${secret}`);
  return hmac(key, text).toString('hex') === signature;
}

let server: TestServer;
const objects = new Map<string, Buffer>();
before(async () => {
  server = await startServer((asked, response) => {
    if (!signatureHolds(asked)) return response.writeHead(403).end();
    if (asked.method === 'PUT') objects.set(asked.url, asked.body);
    const object = objects.get(asked.url);
    return response.writeHead(object === undefined ? 404 : 200).end(asked.method === 'PUT' ? '' : object);
  });
});
beforeEach(() => (server.asked.length = 0));
after(() => server.close());

const access = (change: Partial<S3Access> = {}): S3Access => ({
  endpoint: server.url,
  region: 'eu-central-1',
  credentials: { id, secret },
  ...change,
});

test('objects are put and got with signatures that hold', async () => {
  const store = s3Store('s3://proofs/runs/a', access(), new Set(), hasty);
  await assert.rejects(store.get(root, 1024), /is not there/);
  assert.equal(await publishBundle([store], bundle), root);
  assert.deepEqual([...objects.keys()], [`/proofs/runs/a/${bundlePath(root)}`]);
  assert.deepEqual(new Uint8Array(await store.get(root, 1024)), bundle);
  assert.match(server.asked[0]?.headers.authorization ?? '', SHAPE);
  assert.match(server.asked[0]?.headers.authorization ?? '', /eu-central-1/);
  await assert.rejects(store.get(root, 100), /bytes, more than 100|more than 100 bytes/);
});

test('a wrong key is refused by the service, and not tried again', async () => {
  const store = s3Store('s3://proofs', access({ credentials: { id, secret: 'other' } }), new Set(), hasty);
  await assert.rejects(store.get(root, 1024), /status 403/);
  assert.equal(server.asked.length, 1);
});

test('a session’s token is sent and signed; without credentials nothing is signed', async () => {
  const session = s3Store('s3://proofs', access({ credentials: { id, secret, token: 'token' } }), new Set(), hasty);
  await assert.rejects(session.get(root, 1024), /is not there/);
  assert.equal(server.asked[0]?.headers['x-amz-security-token'], 'token');
  await assert.rejects(s3Store('s3://proofs', access({ credentials: null }), new Set(), hasty).get(root, 1024), /status 403/);
  assert.equal(server.asked[1]?.headers.authorization, undefined);
});

test('access comes from the variables that AWS’s tools read', () => {
  const env = { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'https://x' };
  assert.deepEqual(s3Access(env), { endpoint: 'https://x', region: 'eu-west-1', credentials: { id, secret } });
  assert.equal(s3Access(env, 'https://y').endpoint, 'https://y');
  assert.deepEqual(s3Access({}), { endpoint: undefined, region: 'us-east-1', credentials: null });
  assert.throws(() => s3Access({ AWS_ACCESS_KEY_ID: id }), /only one of them is set/);
  assert.throws(() => s3Store('s3://proofs', { ...s3Access({}), endpoint: 'https://host/path?x' }, new Set()), /--s3-endpoint/);
});
