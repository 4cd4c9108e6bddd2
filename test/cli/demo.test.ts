/** The demo, shortened to one proof: what it reports, and that verifying and auditing it again in other processes agrees. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fineproofJson } from './support/fineproof.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-demo-test-'));
const out = join(folder, 'demo');
after(() => rmSync(folder, { recursive: true, force: true }));

test('the demo ends in payment, and verify and audit agree', async () => {
  const { code, json, err } = await fineproofJson(['demo', '--steps', '2', '--steps-per-proof', '2', '--out', out], {
    FINEPROOF_INSTALL_SECONDS: '1.5',
  });
  assert.equal(code, 0, err);
  assert.equal(json['paid'], true);
  assert.equal(json['steps'], 2);
  assert.equal(json['installSeconds'], 1.5);
  for (const field of ['lossFirst', 'lossLast', 'floatLossLast', 'proveSeconds', 'verifySeconds', 'proofBytes'])
    assert.ok((json[field] as number) > 0, field);
  assert.ok((json['lossLast'] as number) < (json['lossFirst'] as number));
  assert.ok(Math.abs((json['lossLast'] as number) - (json['floatLossLast'] as number)) < 0.01 * (json['floatLossLast'] as number));
  const gas = json['gas'] as Record<string, number>;
  const transactions = json['transactions'] as { action: string; hash: string }[];
  for (const action of ['post', 'claim', 'attest', 'accept'])
    assert.ok((gas[action] as number) > 21_000 && transactions.some((t) => t.action === action), action);
  const { before, after: ends } = json['balances'] as Record<
    'before' | 'after',
    Record<'poster' | 'contributor' | 'attester' | 'escrow', string>
  >;
  assert.ok(Number(ends.contributor) - Number(before.contributor) > 0.99);
  assert.ok(Number(before.poster) - Number(ends.poster) > 1.01);
  assert.equal(Number(ends.escrow), 0);

  const report = readFileSync(json['report'] as string, 'utf8');
  assert.match(report, /<svg/);
  assert.doesNotMatch(report, /<script|(src|href)=/);

  assert.match(readFileSync(json['auditPage'] as string, 'utf8'), /all agrees[\s\S]*npx fineproof audit/);

  assert.ok(existsSync(json['bundle'] as string));
  const verified = await fineproofJson(['verify', json['bundle'] as string]);
  assert.deepEqual([verified.code, verified.json['ok'], verified.json['bounty']], [0, true, json['bounty']]);
  const audited = await fineproofJson([
    'audit',
    json['package'] as string,
    '--store',
    json['store'] as string,
    '--rpc',
    json['chain'] as string,
  ]);
  assert.deepEqual([audited.code, audited.json['ok'], audited.json['status']], [0, true, 'paid']);

  const again = await fineproofJson(['demo', '--out', out]);
  assert.equal(again.code, 1);
  assert.match((again.json['error'] as { message: string }).message, /earlier demo/);
});
