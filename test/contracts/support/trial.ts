/**
 * A bounty on the chain that claims can lie in: the escrow with its real checkers, the tiny training run as its program, the recorded verifier's key in its
 * terms. The escrow knows cards and program by their digests alone, which are stand-ins here; bundle, trace and key are real. Positions are
 * spread so that the trace has depth 20, as that of a real model.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { custom, zeroAddress, type HDAccount, type Hex } from 'viem';
import { engineOf } from '../../../prover/backend/engine.ts';
import type { AnsweredRoot } from '../../../scripts/lib/answer-words.ts';
import { listClaims, type PostedClaim } from '../../../scripts/lib/bounties.ts';
import { openBundles } from '../../../scripts/lib/bundles.ts';
import { chainOver, deploy, openEscrow, type Escrow } from '../../../scripts/lib/chain.ts';
import { TREE, type TreeNode } from '../../../scripts/lib/dispute.ts';
import type { Doubter } from '../../../scripts/lib/doubt.ts';
import { localAccount, LOCAL_CHAIN_ID } from '../../../scripts/lib/local-chain.ts';
import { makeTerms } from '../../../scripts/lib/post-bounty.ts';
import { encodeTrace, openTraces } from '../../../scripts/lib/traces.ts';
import { wordHex, ZERO_WORD } from '../../../verifier/bounty.ts';
import { bundleRoot, rowsDigest } from '../../../verifier/bundle.ts';
import { bitsOf } from '../../../verifier/program/types.ts';
import { publicWordsFor, type BountyVerifier } from '../../../verifier/record/bounty.ts';
import { checkLists } from '../../../verifier/record/check-key.ts';
import { keyHash, keyOf, listTrees } from '../../../verifier/record/key.ts';
import { publicWordsOf, recordVerifier } from '../../../verifier/record/record.ts';
import { runTrace, traceTree, workOf } from '../../../verifier/record/trace.ts';
import { bountyId, claimId, RULE, statementOf, statementWords, type Body, type Terms } from '../../../verifier/statement.ts';
import { keccakWords, tagNumber } from '../../../verifier/words.ts';
import { prove } from '../../attacks/support/adversary.ts';
import { backend } from '../../attacks/support/tiny.ts';
import { seededRandom } from '../../fixtures/seeded.ts';
import { worldOf } from '../../record/support.ts';
import { provider } from './world.ts';

export const BOND = 10n ** 18n;
export const REWARD = 10n ** 18n;
const HOUR = 3600;
const DEPTH = 20;
const STEPS = 3;
const ANNOUNCED = 77n;

/** Plays a bounty's parties; accounts of the chain that other suites leave alone. */
export const [deployer, poster, claimant, doubting, bystander] = [10, 11, 12, 13, 14].map(localAccount) as [
  HDAccount,
  HDAccount,
  HDAccount,
  HDAccount,
  HDAccount,
];

/** What a claimant says, and has. */
export interface Lie {
  readonly bundle: Uint8Array;
  /** By segment. */
  readonly cells: readonly Uint8Array[];
  readonly body?: Partial<Body>;
}

const digest = (name: string): Hex => wordHex(keccakWords(tagNumber(name)));

export type Trial = Awaited<ReturnType<typeof makeTrial>>;

let shared: Promise<Trial> | undefined;
/** A trial that suites share, since it takes long to make. Its folder stays until the process ends. */
export function sharedTrial(): Promise<Trial> {
  if (shared === undefined) {
    shared = makeTrial();
    void shared.then(({ forget }) => process.once('exit', forget));
  }
  return shared;
}

/** Posts the bounty and proves an honest run of it. */
export async function makeTrial() {
  const chain = chainOver(custom(provider, { retryCount: 0 }), LOCAL_CHAIN_ID, 'the chain of the tests');
  const { escrow: address } = await deploy(chain, deployer, { window: BigInt(HOUR), reaction: BigInt(HOUR / 2) });
  const escrow: Escrow = await openEscrow(chain, address);
  const world = await worldOf(STEPS);
  const engine = engineOf(backend);
  const context = (await prove(world, { random: seededRandom(5n), statement: new Array<bigint>(13).fill(0n) })).context;
  const plainly = recordVerifier(context, publicWordsOf(1));
  const recorded = { ...plainly, k: DEPTH - bitsOf(plainly.proofs + 2), traceDepth: DEPTH };
  checkLists(recorded);
  const trees = listTrees(recorded, engine.keccak);
  const verifier: BountyVerifier = { recorded, trees, key: keyOf(recorded, trees) };
  const bytes = (recorded.stride * STEPS * 32 + 64) as number;
  const { bundle: sized } = await prove(world, { random: seededRandom(5n), statement: new Array<bigint>(13).fill(0n) });
  if (sized.length < bytes) throw new Error('a bundle is shorter than its proofs');
  const parts = {
    ...{ modelDigest: digest('model'), dataDigest: digest('data'), recipeHash: digest('recipe'), steps: STEPS, stepsPerProof: 1 },
    ...{ startDigest: wordHex(rowsDigest(world.firstRows)), maxBundle: BigInt(sized.length), verifierKey: keyHash(verifier.key) },
  };
  const { timestamp } = await chain.client.getBlock();
  const terms: Terms = {
    ...makeTerms(
      poster.address,
      parts,
      { token: zeroAddress, reward: REWARD, bond: BOND, attesterFee: 0n },
      { signers: [], threshold: 0 },
      { claimWithin: 1000 * HOUR, window: HOUR },
      timestamp,
      { rule: RULE.optimistic, demandFee: BOND / 100n, answer: HOUR, react: HOUR },
    ),
    announces: [digest('loss')],
  };
  await escrow.post(poster, terms);

  const statementFor = (adapterRoot: Hex): bigint[] =>
    statementWords(statementOf(BigInt(LOCAL_CHAIN_ID), address, terms, claimant.address, { adapterRoot, announced: [ANNOUNCED] }));
  const run = (adapterRoot: Hex) => prove(world, { random: seededRandom(5n), statement: statementFor(adapterRoot) });
  const adapterRoot = wordHex((await run(ZERO_WORD)).context.finalState);
  const attempt = await run(adapterRoot);
  const lastProof = wordHex(attempt.states.at(-1)?.digest ?? 0n);
  const words = { adapterRoot, announced: [ANNOUNCED], lastProof };
  const bounty = { chainId: BigInt(LOCAL_CHAIN_ID), escrow: address, terms };
  const publicWords = publicWordsFor(bounty, claimant.address, words);
  const honest = await runTrace(recorded, attempt.bundle, publicWords, workOf(engine));
  if (honest.failed !== null) throw new Error(`the recorded verifier refuses an honest bundle: ${honest.failed.fault}`);
  const id = bountyId(BigInt(LOCAL_CHAIN_ID), address, terms);
  const folder = mkdtempSync(join(tmpdir(), 'fineproof-trial-'));
  const store = join(folder, 'store');
  let nonce = 0n;

  return {
    ...{ escrow, terms, id, verifier, engine, publicWords, folder, store, words },
    honest: { bundle: attempt.bundle, cells: honest.cells } satisfies Lie,
    bodyOf: ({ bundle, cells, body }: Lie): Body => ({
      bundleRoot: wordHex(bundleRoot(bundle, engine.keccak)),
      traceRoot: wordHex(traceTree(recorded, cells, engine.keccak).root),
      ...words,
      cipherRoot: ZERO_WORD,
      keyHash: ZERO_WORD,
      ephemeralKey: { x: 0n, y: 0n },
      nonce: wordHex(nonce++),
      // As large as a body may be.
      uris: ['x'.repeat(512)],
      ...body,
    }),
    /** The tree that a node is of. */
    rootOf({ body }: PostedClaim, { tree }: TreeNode): AnsweredRoot {
      return tree === TREE.bundle
        ? { root: BigInt(body.bundleRoot), depth: recorded.bundleDepth }
        : { root: BigInt(body.traceRoot), depth: recorded.traceDepth };
    },
    /** Claims, and publishes what was claimed unless told not to. */
    async claim(lie: Lie, publish = true): Promise<PostedClaim> {
      const body = this.bodyOf(lie);
      const { block } = await escrow.claim(claimant, terms, body);
      if (publish) {
        openBundles(store, engine.keccak).put(lie.bundle);
        openTraces(store, recorded, engine.keccak).put(encodeTrace(lie.cells));
      }
      const wanted = claimId(id, claimant.address, body);
      const claim = (await listClaims(escrow, id, block)).find((c) => c.id === wanted);
      if (claim === undefined) throw new Error('the claim is not on the chain');
      return claim;
    },
    /** Whoever has nothing but the chain and a folder of published files. */
    doubter: (from = store, spend = 0n): Doubter => ({
      ...{ escrow, terms, verifier, engine, spend },
      bundleBytes: attempt.bundle.length,
      account: doubting,
      store: from,
    }),
    forget: () => rmSync(folder, { recursive: true, force: true }),
  };
}
