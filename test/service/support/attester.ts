/** An attester with one pending claim, whose verifier fails with a given error. */
import { join } from 'node:path';
import { privateKeyToAccount } from 'viem/accounts';
import type { Attester } from '../../../scripts/lib/attester.ts';
import { bundleSource, openBundles } from '../../../scripts/lib/bundles.ts';
import { folderStore } from '../../../scripts/lib/stores/folder.ts';
import { ZERO_WORD, type OpenBounty } from '../../../verifier/bounty.ts';
import { plain } from '../../../verifier/engine.ts';
import { claimId, type Body } from '../../../verifier/statement.ts';
import { cells, rootOf } from './bundles.ts';

export const signer = privateKeyToAccount(`0x${'11'.repeat(32)}`);
export const bountyId = `0x${'22'.repeat(32)}` as const;

const bundle = cells(1);

export const body: Body = {
  bundleRoot: rootOf(bundle),
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

export const claim = { id: claimId(bountyId, signer.address, body), claimant: signer.address, body, acceptFrom: 9n };

/** Puts the claim's bundle where the attester looks. */
export const storeBundle = (folder: string): void => void openBundles(join(folder, 'store')).put(bundle);

export const attester = (folder: string, error: Error): Attester => ({
  escrow: {
    chain: { id: 1 },
    address: signer.address,
    events: async () => [
      {
        args: { claimId: claim.id, bountyId, claimant: signer.address, body, acceptFrom: claim.acceptFrom },
        blockNumber: 1n,
        transactionHash: ZERO_WORD,
      },
    ],
    claimOf: async () => ({ status: 1, attesters: 0 }),
  } as unknown as Attester['escrow'],
  bounty: {
    id: bountyId,
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
