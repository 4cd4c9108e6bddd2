/** Every command: `--help` with an example, usage errors, `--json` errors as one object, files that are not what they should be. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Command } from 'commander';
import { fineproof, fineproofJson } from './support/fineproof.ts';
import { text, writeTinyModel } from './support/tiny-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-usage-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (...names: readonly string[]): string => join(folder, ...names);

test('every command shows help with an example and takes --json', async () => {
  const place = new URL('../../scripts/commands/', import.meta.url);
  for (const file of readdirSync(place)) {
    const module = (await import(new URL(file, place).href)) as Readonly<Record<string, unknown>>;
    const [make, ...others] = Object.entries(module).filter(([name]) => name.endsWith('Command'));
    assert.ok(make !== undefined && others.length === 0, file);
    const command = (make[1] as () => Command)();
    assert.equal(`${command.name()}.ts`, file);
    for (const own of command.commands.length === 0 ? [command] : command.commands) {
      let out = '';
      own.configureOutput({ writeOut: (text) => (out += text) }).outputHelp();
      assert.match(out, /Example:\n {2}.*(fineproof|npm run demo)/, `${file}: ${own.name()}`);
      assert.match(out, /--json/, `${file}: ${own.name()}`);
    }
  }
});

test('a node that stops answering is named, with the cure', async () => {
  const node = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { id, method } = JSON.parse(body) as { id: number; method: string };
      if (method === 'eth_chainId') response.end(JSON.stringify({ jsonrpc: '2.0', id, result: '0x7a69' }));
      else response.writeHead(404).end('gone');
    });
  });
  await new Promise<void>((done) => node.listen(0, '127.0.0.1', done));
  const rpc = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
  const escrow = `0x${'11'.repeat(20)}`;
  const { code, json } = await fineproofJson(['bounty', 'list', '--rpc', rpc, '--escrow', escrow]).finally(() => node.close());
  assert.equal(code, 1);
  const { message, cure } = json['error'] as { message: string; cure: string };
  assert.match(message, /^--rpc: the node stopped answering: HTTP request failed/);
  assert.match(cure, /when it answers/);
});

test('with --json a wrong usage is one JSON object too', async () => {
  const { code, json } = await fineproofJson(['train', 'x']);
  assert.notEqual(code, 0);
  assert.match((json['error'] as { message: string }).message, /--out/);
});

test('a missing option or a wrong value is named', async () => {
  const [missing, wrong] = await Promise.all([fineproof(['train', 'x']), fineproof(['data', 'commit', 'x', '--out', 'y', '--batch', '0'])]);
  assert.notEqual(missing.code, 0);
  assert.match(missing.err, /--out/);
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.err, /--batch.*whole number from 1/);
});

test('U1, U2 bad model folders and texts: one JSON error that names file and cure, exit code 1, nothing written', async () => {
  const model = (name: string, break_: (folder: string) => void): readonly string[] => {
    writeTinyModel(at(name));
    break_(at(name));
    return ['model', 'commit', at(name), '--out', at(`${name}-out`)];
  };
  writeFileSync(at('short'), text.slice(0, 20));
  writeFileSync(at('empty'), '');
  const cases: readonly [readonly string[], RegExp][] = [
    [model('truncated', (f) => truncateSync(join(f, 'model.safetensors'), 5000)), /model\.safetensors/],
    [model('empty-config', (f) => truncateSync(join(f, 'config.json'), 0)), /config\.json: is empty/],
    [model('nested', (f) => writeFileSync(join(f, 'config.json'), '['.repeat(10_000))), /config\.json: is nested deeper/],
    [model('gigantic', (f) => truncateSync(join(f, 'config.json'), 2 ** 33)), /config\.json: has \d+ bytes, more than/],
    [model('other', (f) => writeFileSync(join(f, 'config.json'), '{"model_type":"mamba"}')), /config\.json: model_type/],
    [['model', 'commit', at('no-folder'), '--out', at('x')], /config\.json: .*check the path/],
    [['data', 'commit', at('short'), '--out', at('data')], /short: has 20 tokens/],
    [['data', 'commit', at('empty'), '--out', at('data')], /empty: has 0 tokens/],
    [['data', 'commit', folder, '--out', at('data')], /not a regular file/],
    [['bounty', 'check', at('nowhere')], /nowhere: does not exist/],
    [['verify', at('short'), '--package', at('nowhere')], /nowhere: does not exist/],
    [['audit', at('nowhere'), '--rpc', 'http://127.0.0.1:1'], /no node answers/],
    [['audit', at('nowhere'), '--html', folder], /--html: .* is a folder/],
    [['withdraw', '--rpc', at('empty')], /empty: is empty/],
  ];
  const results = await Promise.all(cases.map(([args]) => fineproofJson(args)));
  results.forEach(({ code, json }, i) => {
    const [args, pattern] = cases[i] as [readonly string[], RegExp];
    const error = json['error'] as { message: string; cure: string };
    assert.equal(code, 1, args.join(' '));
    assert.match(error.message, pattern, args.join(' '));
    assert.notEqual(error.cure, '', args.join(' '));
  });
  for (const name of ['truncated-out', 'nested-out', 'data']) assert.ok(!existsSync(at(name)), name);
});

test('U2 a link in a model folder that leads outside is refused', async () => {
  writeTinyModel(at('inner'));
  writeTinyModel(at('target'));
  rmSync(at('inner', 'model.safetensors'));
  symlinkSync(at('target', 'model.safetensors'), at('inner', 'model.safetensors'));
  const { code, json } = await fineproofJson(['model', 'commit', at('inner'), '--out', at('inner-out')]);
  assert.equal(code, 1);
  assert.match((json['error'] as { message: string }).message, /leads outside/);
});

test('doctor examines without a chain', async () => {
  const { code, json } = await fineproofJson(['doctor', '--rpc', 'http://127.0.0.1:1', '--store', at('store')]);
  assert.equal(code, 0);
  const findings = json['findings'] as { what: string; state: string }[];
  assert.deepEqual(
    findings.filter((f) => f.state === 'ok').map((f) => f.what),
    ['node', 'machine', 'kernels', 'store'],
  );
});
