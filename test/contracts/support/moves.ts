/** Calls of the escrow as its parties make them, over the checkers of mocks/Checkers.sol, which believe what roots say. */
import { expect } from 'chai';
import { tagNumber } from '../../../verifier/words.ts';
import { type Body, type Terms, bountyId, claimId } from '../../../verifier/statement.ts';
import {
  type Account,
  type Hex,
  VERIFIER_KEY,
  type World,
  ZERO32,
  body,
  ethers,
  hash,
  networkHelpers,
  nextBlockAt,
  post,
  word,
  world,
} from './world.ts';

/** A root that is true everywhere, one that is false at a position, and one whose checker finds no fault in it. */
export const TRUE_ROOT = `0x${'00'.repeat(31)}04` as const;
export const falseAt = (position: number): Hex => `0x${((BigInt(position) << 128n) | 1n).toString(16).padStart(64, '0')}`;
export const FAULTLESS_ROOT = `0x${'00'.repeat(31)}03` as const;

export const send = (w: World, by: Account, name: string, ...parameters: unknown[]) =>
  w.escrow.connect(by).getFunction(name)(...parameters);

export const idOf = (w: World, t: Terms): Hex => bountyId(w.chainId, w.escrowAddress, t);
export const claimOf = (w: World, id: Hex) => w.escrow.getFunction('claimOf')(id);
export const credit = (w: World, account: { readonly address: string }, token: string = ethers.ZeroAddress): Promise<bigint> =>
  w.escrow.getFunction('credits')(token, account.address);
export const escrowBalance = (w: World): Promise<bigint> => ethers.provider.getBalance(w.escrowAddress);

export const anyone = (w: World, name: string, ...parameters: unknown[]) => send(w, w.anyone, name, ...parameters);

/** The escrow reverts with this error, and, where they are given, with these words in it. */
export async function refused(w: World, call: Promise<unknown>, error: string, ...words: unknown[]): Promise<void> {
  const refusal = expect(call, error).to.be.revertedWithCustomError(w.escrow, error);
  await (words.length === 0 ? refusal : refusal.withArgs(...words));
}

type Make = (w: World, changes?: Partial<Terms>) => Promise<Terms>;

/** A fresh escrow with one bounty on it. */
export async function posted(make: Make, changes: Partial<Terms> = {}) {
  const w = await world();
  const t = await make(w, changes);
  return { w, t, bounty: await post(w, t) };
}

/** The same, claimed by alice. */
export async function claimed(make: Make, content: Body | ((w: World, t: Terms) => Body), changes: Partial<Terms> = {}) {
  const { w, t, bounty } = await posted(make, changes);
  const b = typeof content === 'function' ? content(w, t) : content;
  return { w, t, b, bounty, id: await claimWith(w, t, w.alice, b) };
}

// --- Doubts ---

const TREES = { bundle: 0, trace: 1, cipher: 2 } as const;
export type TreeName = keyof typeof TREES;
export interface Node {
  readonly tree: number;
  readonly level: number;
  readonly index: number;
}
export const node = (tree: TreeName, level = 0, index = 0): Node => ({ tree: TREES[tree], level, index });

export const demand = (w: World, t: Terms, id: Hex, n: Node, by: Account, value = t.demandFee) =>
  send(w, by, 'demand', t, id, n, VERIFIER_KEY, { value });

/** Words and path that the mock takes for the right answer. */
export function answerTo(t: Terms, b: Body, n: Node): { readonly words: Hex[]; readonly path: Hex[] } {
  const root = [b.bundleRoot, b.traceRoot, b.cipherRoot][n.tree] as Hex;
  const depth = [VERIFIER_KEY.bundleDepth, VERIFIER_KEY.traceDepth, t.deliveryDepth][n.tree] as number;
  const right = hash(['uint8', 'bytes32', 'uint256', 'uint256', 'uint256'], [n.tree, root, depth, n.level, n.index]);
  return { words: [right], path: new Array<Hex>(depth - n.level).fill(ZERO32) };
}

export const answer = (w: World, t: Terms, claimant: Account, b: Body, n: Node, by = w.anyone) => {
  const { words, path } = answerTo(t, b, n);
  return send(w, by, 'answer', t, claimant.address, b, n, VERIFIER_KEY, words, path);
};

export const defaulted = (w: World, t: Terms, id: Hex, n: Node) => send(w, w.anyone, 'defaulted', t, id, n);

export const SALT = word(0x5a);
export const commitmentOf = (id: Hex, position: number, by: Account, salt: Hex = SALT): Hex =>
  hash(['bytes32', 'uint256', 'address', 'bytes32'], [id, position, by.address, salt]);
export const commit = (w: World, id: Hex, position: number, by: Account) => send(w, by, 'commit', commitmentOf(id, position, by));

export const accusation = (position: number) => ({
  position,
  leaf: ZERO32,
  leafPath: [],
  head: 0n,
  imm0: 0n,
  imm1: 0n,
  instructionPath: [],
  inputs: [],
});
export const challengeOf = (t: Terms, claimant: Account, b: Body, position: number, salt: Hex = SALT) =>
  [t, claimant.address, b, salt, VERIFIER_KEY, accusation(position)] as const;
export const challenge = (w: World, t: Terms, claimant: Account, b: Body, position: number, by: Account, salt: Hex = SALT) =>
  send(w, by, 'challenge', ...challengeOf(t, claimant, b, position, salt));

// --- Delivery ---

/** K. */
export const KEY = word(0xc0);
const keyHash = (bounty: Hex, claimant: Account, key: Hex): Hex =>
  hash(['uint256', 'bytes32', 'address', 'bytes32'], [tagNumber('KEY'), bounty, claimant.address, key]);

/** The body of a claim with delivery. */
export const deliveringBody = (w: World, t: Terms, claimant: Account, changes: Partial<Body> = {}): Body =>
  body({ cipherRoot: TRUE_ROOT, keyHash: keyHash(idOf(w, t), claimant, KEY), ephemeralKey: { x: 1n, y: 2n }, ...changes });

export const reveal = (w: World, t: Terms, claimant: Account, b: Body, key: Hex = KEY) =>
  send(w, w.anyone, 'reveal', t, claimant.address, b, key);

export const complaint = (index: number) => ({
  index,
  row: '0x',
  rowPath: [],
  commitment: { x: 0n, y: 0n },
  commitmentPath: [],
  shared: { x: 0n, y: 0n },
  challenge: 0n,
  response: 0n,
});
export const complain = (w: World, t: Terms, claimant: Account, b: Body, index: number, by = w.poster, key: Hex = KEY) =>
  send(w, by, 'complain', t, claimant.address, b, key, complaint(index));

// --- Time ---

/** Claims at a time of its own, so that the deadlines that follow are known. */
export async function claimWith(w: World, t: Terms, by: Account, b: Body, value = t.bond): Promise<Hex> {
  await send(w, by, 'claim', t, b, { value });
  return claimId(idOf(w, t), by.address as Hex, b);
}

/** Lets the window of a claim pass. */
export async function passWindow(w: World, id: Hex): Promise<void> {
  await nextBlockAt((await claimOf(w, id)).deadline);
  await networkHelpers.mine();
}

/** The escrow's errors that say that it is not the time. */
const UNTIMELY = ['TooLate', 'TooEarly'] as const;
const selectorOf = (w: World, name: string): string | undefined => w.escrow.interface.getError(name)?.selector;

/** Runs `act` with the block's time one second before, at and after `time`, each from the same state: which attempts were in time. */
export async function around(
  w: World,
  time: bigint,
  act: () => Promise<unknown>,
  refusals: readonly string[] = UNTIMELY,
): Promise<boolean[]> {
  const outcomes: boolean[] = [];
  for (const offset of [-1n, 0n, 1n]) {
    const snapshot = await networkHelpers.takeSnapshot();
    await nextBlockAt(time + offset);
    outcomes.push(
      await act().then(
        () => true,
        (error: { readonly data?: unknown }) => {
          const selector = String(error.data).slice(0, 10);
          if (!refusals.some((name) => selectorOf(w, name) === selector)) throw error;
          return false;
        },
      ),
    );
    await snapshot.restore();
  }
  return outcomes;
}
export const BEFORE = [true, false, false];
export const FROM = [false, true, true];

/** An action until a time and its counter-action from then on. */
export async function turnsAt(w: World, time: bigint, action: () => Promise<unknown>, counter: () => Promise<unknown>): Promise<void> {
  expect(await around(w, time, action), 'the action').to.deep.equal(BEFORE);
  expect(await around(w, time, counter), 'the counter-action').to.deep.equal(FROM);
}
