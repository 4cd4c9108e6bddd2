/** Views of the chain for tests of plans. */
import { zeroAddress, type Address } from 'viem';
import type { ClaimView, View } from '../../scripts/lib/keep/view.ts';
import type { Hex } from '../../verifier/input.ts';
import { KIND, RULE, type Body, type Terms } from '../../verifier/statement.ts';

export const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`;
export const address = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`;
export const [POSTER, CLAIMANT, OTHER] = [address(1), address(2), address(3)];

export const terms = (changes: Partial<Terms> = {}): Terms => ({
  ...{ poster: POSTER, kind: KIND.training, token: zeroAddress, reward: 1000n, bond: 100n, attesterFee: 1n },
  ...{ demandFee: 2n, disclosureBond: 0n, rule: RULE.optimistic, signers: [], threshold: 0, verifierKey: word(9) },
  ...{ modelDigest: word(1), dataDigest: word(2), recipeHash: word(3), steps: 2, stepsPerProof: 1, startDigest: word(4) },
  ...{ inputsCommitment: word(0), announces: [], fullState: false, deliveryKey: { x: 0n, y: 0n }, deliveryDepth: 0 },
  ...{ enterBy: 0n, discloseBy: 0n, claimBy: 10_000n, window: 1000n, answer: 100n, react: 100n },
  ...{ reserveFor: 0n, revealFor: 0n, complainFor: 0n, maxBundle: 8192n, salt: word(5) },
  ...changes,
});

const body: Body = {
  ...{ bundleRoot: word(5), traceRoot: word(0), lastProof: word(6), adapterRoot: word(7), announced: [] },
  ...{ cipherRoot: word(0), keyHash: word(0), ephemeralKey: { x: 0n, y: 0n }, nonce: word(0), uris: [] },
};

/** A pending claim whose window ends at 1000. */
export const claim = (n: number, changes: Partial<ClaimView> = {}): ClaimView => ({
  ...{ id: word(n), bountyId: word(99), claimant: CLAIMANT, body, block: 3n, status: 'pending', deadline: 1000n, demandsBy: 2000n },
  ...{ attested: false, openDemands: 0, openRowDemands: 0, demands: [], acceptedIn: null },
  ...changes,
});

/** A view at time 500 and block 10, settled up to 8; the first live claim is first. */
export const view = (claims: readonly ClaimView[], changes: Partial<View> = {}): View => ({
  ...{ now: 500n, head: 10n, settled: 8n, terms: terms(), account: CLAIMANT, claims, credits: [{ token: zeroAddress, amount: 0n }] },
  bounty: {
    status: 'open',
    first: claims.find((c) => ['pending', 'accepted', 'revealed'].includes(c.status))?.id ?? word(0),
    disclosed: false,
  },
  ...changes,
});
