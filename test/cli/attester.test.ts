import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { privateKeyToAccount } from 'viem/accounts';
import { attestPending, type Attester } from '../../scripts/lib/attester.ts';
import { bundleSource, openBundles } from '../../scripts/lib/bundles.ts';
import { folderStore } from '../../scripts/lib/stores/folder.ts';
import { ZERO_WORD, type OpenBounty } from '../../verifier/bounty.ts';
import { claimId, type Body } from '../../verifier/statement.ts';
import { plain } from '../../verifier/engine.ts';
import { DecodeError } from '../../verifier/wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-attester-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const signer = privateKeyToAccount(`0x${'11'.repeat(32)}`);
const id = `0x${'22'.repeat(32)}` as const;
const body: Body = {
  bundleRoot: openBundles(join(folder, 'store')).put(new Uint8Array(64)),
  traceRoot: ZERO_WORD,
  lastProof: ZERO_WORD,
  adapterRoot: ZERO_WORD,
  announced: [],
  cipherRoot: ZERO_WORD,
  keyHash: ZERO_WORD,
  ephemeralKey: { x: 0n, y: 0n },
  nonce: ZERO_WORD,
  uris: [],
};
const claim = claimId(id, signer.address, body);

/** An attester with one pending claim, whose verifier fails with `error`. */
const attester = (error: Error): Attester => ({
  escrow: {
    chain: { id: 1 },
    address: signer.address,
    events: async () => [
      {
        args: { claimId: claim, bountyId: id, claimant: signer.address, body, acceptFrom: 9n },
        blockNumber: 1n,
        transactionHash: ZERO_WORD,
      },
    ],
    claimOf: async () => ({ status: 1, attesters: 0 }),
  } as unknown as Attester['escrow'],
  bounty: {
    id,
    terms: { signers: [signer.address], threshold: 2, maxBundle: 64n },
    get compiled(): never {
      throw error;
    },
  } as unknown as OpenBounty,
  signer,
  sender: signer,
  source: bundleSource([folderStore(join(folder, 'store'))], () => []),
  size: { exact: 64, limit: 64 },
  records: join(folder, 'records'),
  engine: plain,
});

test('a failure of the attester’s own machine gives no verdict', async () => {
  await assert.rejects(attestPending(attester(new RangeError('Array buffer allocation failed'))), RangeError);
  assert.deepEqual(readdirSync(folder), ['store']);
});

test('what the verifier refuses gives one invalid verdict, and the same again', async () => {
  const [verdict] = await attestPending(attester(new DecodeError('proof 1: root is the point at infinity')));
  assert.deepEqual([verdict?.valid, verdict?.sent], [false, null]);
  const [again] = await attestPending(attester(new RangeError('not verified again')));
  assert.deepEqual([again?.valid, again?.reason], [false, 'proof 1: root is the point at infinity']);
});
