import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { inside, readBounded, writeAtomic, writeSecret } from '../../scripts/lib/files.ts';
import { openKeystore } from '../../scripts/lib/keys.ts';
import { decryptSecret, encryptSecret, isEncrypted } from '../../scripts/lib/secrets.ts';
import { openStore } from '../../scripts/lib/store.ts';
import { canonicalJson, decodeCanonical, decodeJson, InputError, parseJson, type Hex } from '../../verifier/input.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'fineproof-'));
const refused = (pattern: RegExp) => (e: unknown) => e instanceof InputError && pattern.test(e.message);
const utf8 = (s: string): Uint8Array => new TextEncoder().encode(s);

test('U1 JSON: empty, truncated, gigantic, deeply nested and non-UTF-8 files are refused with the name of the file', () => {
  assert.throws(() => parseJson(utf8(''), 'a.json'), refused(/^a\.json: is empty/));
  assert.throws(() => parseJson(utf8('{"a":1'), 'a.json'), refused(/^a\.json: is not JSON/));
  assert.throws(() => parseJson(new Uint8Array(11), 'a.json', { size: 10, depth: 3 }), refused(/11 bytes, more than 10/));
  assert.throws(() => parseJson(utf8('['.repeat(100_000)), 'a.json'), refused(/nested deeper than 24/));
  assert.throws(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), 'a.json'), refused(/not UTF-8/));
  assert.deepEqual(parseJson(utf8('{"a":"[[[{{{\\"[["}'), 'a.json', { size: 100, depth: 1 }), { a: '[[[{{{"[[' });
});

test('U2 JSON: __proto__ and unknown fields are refused, errors name the field', () => {
  const schema = z.strictObject({ a: z.strictObject({ b: z.int() }) });
  assert.throws(() => decodeJson(schema, utf8('{"a":{"b":1},"__proto__":{"x":1}}'), 'f'), refused(/__proto__/));
  assert.throws(() => decodeJson(schema, utf8('{"a":{"b":1,"__proto__":{}}}'), 'f'), refused(/^f: a: .*__proto__/));
  assert.throws(() => decodeJson(schema, utf8('{"a":{"b":1.5}}'), 'f'), refused(/^f: a\.b: /));
});

test('content-addressed JSON has one spelling', () => {
  const schema = z.strictObject({ b: z.int(), a: z.array(z.int()) });
  const bytes = canonicalJson({ b: 1, a: [2] });
  assert.equal(new TextDecoder().decode(bytes), '{"a":[2],"b":1}');
  assert.deepEqual(decodeCanonical(schema, bytes, 'f'), { b: 1, a: [2] });
  for (const other of ['{"b":1,"a":[2]}', '{"a":[2],"b":1}\n', '{"a":[2], "b":1}', '{"a":[2],"b":2,"b":1}', '{"a":[2],"b":1e0}'])
    assert.throws(() => decodeCanonical(schema, utf8(other), 'f'), refused(/canonical/));
});

test('U1 reading is bounded and takes regular files only', () => {
  const dir = folder();
  const big = join(dir, 'big');
  writeFileSync(big, '');
  truncateSync(big, 2 ** 40);
  assert.throws(() => readBounded(big, 1 << 20), refused(/more than 1048576/));
  assert.throws(() => readBounded(dir, 10), refused(/not a regular file/));
  assert.throws(() => readBounded(join(dir, 'none'), 10), refused(/does not exist/));
  assert.throws(() => readBounded('/dev/zero', 10), refused(/not a regular file/));
});

test('U2 names and links that lead outside of a folder are refused', () => {
  const dir = folder();
  const outside = folder();
  writeFileSync(join(outside, 'secret'), 'x');
  symlinkSync(join(outside, 'secret'), join(dir, 'link'));
  symlinkSync(outside, join(dir, 'sub'));
  mkdirSync(join(dir, 'real'));
  for (const name of ['../x', '/etc/passwd', 'real/../../x', 'link', 'sub/secret', 'sub/new'])
    assert.throws(() => inside(dir, name), refused(/outside/), name);
  assert.equal(inside(dir, 'real/new'), join(dir, 'real/new'));
});

test('writing is atomic: an error leaves the old file and no temporary', () => {
  const dir = folder();
  const path = join(dir, 'f');
  writeAtomic(path, 'old');
  writeAtomic(path, 'new');
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.throws(() => writeAtomic(dir, 'x'));
  assert.deepEqual(readdirSync(dir), ['f']);
  writeSecret(join(dir, 's'), 'x');
  assert.equal(statSync(join(dir, 's')).mode & 0o777, 0o600);
});

test('store: content is checked on reading, digests are strict', () => {
  const store = openStore(folder());
  const digest = store.put(utf8('hello'));
  assert.deepEqual(store.get(digest, 10, 'file'), utf8('hello'));
  assert.throws(() => store.get(digest, 4, 'file'), refused(/more than 4/));
  chmodSync(store.path(digest), 0o644);
  writeFileSync(store.path(digest), 'hellp');
  assert.throws(() => store.get(digest, 10, 'file'), refused(/not the file that its name says/));
  assert.throws(() => store.get(`0x${'00'.repeat(32)}`, 10, 'bundle'), refused(/bundle 0x0+ is not in the store/));
  assert.throws(() => store.path('0x../../etc/passwd' as Hex), refused(/digest/));
});

test('secrets: encrypted form opens with the passphrase only, any changed bit is noticed', () => {
  const secret = utf8('opening');
  const file = encryptSecret(secret, 'word');
  assert.ok(isEncrypted(file) && !isEncrypted(secret));
  assert.deepEqual(new Uint8Array(decryptSecret(file, 'word', 's')), secret);
  assert.throws(() => decryptSecret(file, 'other', 's'), refused(/^s: cannot be decrypted/));
  for (const at of [9, 30, 40, file.length - 1]) {
    const bad = Uint8Array.from(file);
    bad[at] = (bad[at] as number) ^ 1;
    assert.throws(() => decryptSecret(bad, 'word', 's'), refused(/decrypted/));
  }
  assert.throws(() => decryptSecret(file.subarray(0, 20), 'word', 's'), refused(/truncated/));
});

// The test vectors of the Web3 Secret Storage definition.
const vectors = {
  pbkdf2: {
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
      ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
      kdf: 'pbkdf2',
      kdfparams: { c: 262144, dklen: 32, prf: 'hmac-sha256', salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd' },
      mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
    },
    id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
    version: 3,
  },
};

test('keystore of version 3', () => {
  const bytes = utf8(JSON.stringify(vectors.pbkdf2));
  assert.equal(openKeystore(bytes, 'testpassword', 'k'), '0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d');
  assert.throws(() => openKeystore(bytes, 'wrong', 'k'), refused(/passphrase/));
});
