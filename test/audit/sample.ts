/** A small bounty's history, as the chain would tell it: posted, claimed twice, attested, paid, released. Its audit is made by the audit's own parts. */
import { zeroAddress, type Address } from 'viem';
import { auditedClaim } from '../../scripts/lib/audit/claims.ts';
import type { History } from '../../scripts/lib/audit/history.ts';
import { NATIVE } from '../../scripts/lib/coins.ts';
import { balancesOf, moneyOf } from '../../scripts/lib/audit/money.ts';
import { partiesOf, rolesOf } from '../../scripts/lib/audit/parties.ts';
import type { Audit, AuditEvent, AuditedTransaction, Credit, Flow } from '../../scripts/lib/audit/types.ts';
import type { PostedClaim } from '../../scripts/lib/bounties.ts';
import { COMPACT } from '../../verifier/models/recipe.ts';
import type { Body, Terms } from '../../verifier/statement.ts';

export const word = (n: number): `0x${string}` => `0x${n.toString(16).padStart(64, '0')}`;
const account = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`;
export const [POSTER, ALICE, BOB, ATTESTER, STRANGER] = [1, 2, 3, 4, 5].map(account) as [Address, Address, Address, Address, Address];

export const TERMS: Terms = {
  ...{ poster: POSTER, kind: 0, token: zeroAddress, reward: 1000n, bond: 100n, attesterFee: 7n, demandFee: 3n, disclosureBond: 0n },
  ...{ rule: 0, signers: [ATTESTER], threshold: 1, verifierKey: word(0), modelDigest: word(1), dataDigest: word(2) },
  ...{ recipeHash: word(3), steps: 4, stepsPerProof: 2, startDigest: word(4), inputsCommitment: word(0), announces: [] },
  ...{ fullState: false, deliveryKey: { x: 0n, y: 0n }, deliveryDepth: 0, enterBy: 0n, discloseBy: 0n, claimBy: 9000n },
  ...{ window: 3600n, answer: 0n, react: 0n, reserveFor: 0n, revealFor: 0n, complainFor: 0n, maxBundle: 8192n, salt: word(5) },
};

const body = (uris: readonly string[]): Body => ({
  ...{ bundleRoot: word(6), traceRoot: word(0), lastProof: word(7), adapterRoot: word(8), announced: [], cipherRoot: word(0) },
  ...{ keyHash: word(0), ephemeralKey: { x: 0n, y: 0n }, nonce: word(9), uris },
});

/** An event in a transaction of its own; what it has to credit is given, so that tests can give something else. */
export const event = (n: number, name: string, fields: Readonly<Record<string, unknown>>, credits: readonly Credit[] = []): AuditEvent => ({
  ...{ name, fields, credits, claim: (fields['claimId'] as `0x${string}` | undefined) ?? null },
  ...{ time: 1000 + n, block: BigInt(n), logIndex: 0, transaction: word(100 + n) },
});
export const credit = (to: Address, amount: bigint): Credit => ({ account: to, token: zeroAddress, amount });

export const transaction = (e: AuditEvent, sender: Address, value = 0n): AuditedTransaction => ({
  ...{ hash: e.transaction, block: e.block, time: e.time, sender, direct: true, value, events: [e.name] },
  ...{ gas: 1000n + e.block, fee: 10n * (1000n + e.block) },
});

export const [FIRST, SECOND] = [word(21), word(22)];

/** The history, and what each transaction paid in. */
export const EVENTS: readonly AuditEvent[] = [
  event(1, 'Posted', { poster: POSTER }),
  event(2, 'Claimed', { claimId: FIRST, claimant: ALICE, acceptFrom: 4602n }),
  event(3, 'Claimed', { claimId: SECOND, claimant: BOB, acceptFrom: 4603n }),
  event(4, 'Attested', { claimId: FIRST, valid: true, expiry: 4602n, attesters: 1 }),
  event(5, 'Paid', { claimId: FIRST, claimant: ALICE }, [credit(ALICE, 1100n)]),
  event(6, 'Released', { claimId: SECOND }, [credit(BOB, 100n)]),
  event(7, 'Collected', { claimId: FIRST }, [credit(ATTESTER, 7n)]),
];
export const TRANSACTIONS: readonly AuditedTransaction[] = [
  [POSTER, 1007n],
  [ALICE, 100n],
  [BOB, 100n],
  [ATTESTER, 0n],
  [STRANGER, 0n],
  [STRANGER, 0n],
  [ATTESTER, 0n],
].map(([sender, value], i) => transaction(EVENTS[i] as AuditEvent, sender as Address, value as bigint));

/** Texts of strangers, each somewhere on the page. */
export interface Strange {
  readonly uri: string;
  readonly model: string;
  readonly data: string;
  readonly tokenizer: string;
  readonly recipe: string;
  readonly store: string;
  readonly reason: string;
  readonly detail: string;
  readonly finding: string;
  readonly note: string;
  readonly command: string;
}
const PLAIN: Strange = {
  ...{ uri: 'ipfs://bundle', model: 'a model', data: 'a text', tokenizer: 'bytes', recipe: 'as the recipe says', store: 'store/' },
  ...{ reason: 'every step is proven', detail: 'well', finding: '', note: '', command: 'npx fineproof audit bounty/' },
};

export function sampleAudit(strange: Partial<Strange> = {}): Audit {
  const texts = { ...PLAIN, ...strange };
  const history: History = { events: EVENTS, transactions: TRANSACTIONS, commitments: new Map(), continues: null, continuedBy: [] };
  const posted = (id: `0x${string}`, claimant: Address, status: PostedClaim['status']): PostedClaim => ({
    ...{ id, claimant, status, bountyId: word(20), body: body([texts.uri]), acceptFrom: 0n, attested: false, barred: false },
    ...{ openDemands: 0, openRowDemands: 0, deadline: 0n, block: 2n, transaction: word(102) },
  });
  const checks = [{ name: 'proof 1', outcome: 'passed', seconds: 0.25, detail: texts.detail }] as const;
  const replayed = { valid: true, trace: null, reason: texts.reason, checks, bytes: 4096, seconds: 0.5 };
  const claims = [posted(FIRST, ALICE, 'paid'), posted(SECOND, BOB, 'released')].map((claim) =>
    auditedClaim(TERMS, claim, history, replayed, null),
  );
  const money = moneyOf(TERMS, EVENTS, TRANSACTIONS);
  const findings = [...money.findings, ...(texts.finding === '' ? [] : [texts.finding])];
  const roles = rolesOf(TERMS, EVENTS, TRANSACTIONS);
  const card = { hidden: false, tensors: 2, values: 64 };
  return {
    ...{ ok: findings.length === 0, bounty: word(20), chainId: 1, escrow: account(9), status: 'paid', terms: TERMS, coins: [NATIVE] },
    ...{ continues: null, continuedBy: [], events: EVENTS, transactions: TRANSACTIONS, flows: money.flows },
    package: {
      ...{ folder: 'bounty/', recipe: texts.recipe, program: word(30), proofs: 2, bundleBytes: 4096, stores: [texts.store] },
      ...{ model: { name: texts.model, ...card }, data: { name: texts.data, tokenizer: texts.tokenizer, ...card }, engine: 'plain' },
      training: {
        version: 1,
        model: { family: 'gpt2', vocab: 4, width: 4, layers: 1, heads: 1, headWidth: 4, ffn: 4, positions: 4, normEps: 1e-5 },
        ...{ batch: 1, sequence: 4, steps: 4, perProof: 2, modelHidden: false, dataHidden: false, precision: COMPACT, exponents: {} },
        lora: { rank: 1, alpha: 2, targets: ['attn.q'], firstLayer: 0 },
        optimizer: { kind: 'momentum', momentum: 0.9 },
        rate: { learningRate: 0.1, warmupSteps: 0, decay: 'constant' },
      },
    },
    parties: partiesOf(TERMS, { roles, flows: money.flows, transactions: TRANSACTIONS, claims, waiting: () => 0n }),
    ...{ claims, gas: TRANSACTIONS.reduce((n, t) => n + t.gas, 0n), fees: TRANSACTIONS.reduce((n, t) => n + t.fee, 0n) },
    ...{ balances: balancesOf(money.flows), withdrawals: [], findings, notes: texts.note === '' ? [] : [texts.note] },
    made: { time: 2000, block: 6n, version: '0', command: texts.command, code: { escrow: true, fraudProof: true, delivery: true } },
  };
}

/** Sums of flows, by account. */
export const net = (flows: readonly Flow[], who: Address): bigint =>
  flows.filter((f) => f.account === who).reduce((n, f) => n + (f.direction === 'in' ? -f.amount : f.amount), 0n);
