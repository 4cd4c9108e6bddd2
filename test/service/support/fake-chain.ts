/** A chain in memory: blocks with claims, a settled block, reorganisations, outages and limits of nodes. */
import { TooWide, type ChainView, type SeenClaim } from '../../../scripts/lib/service/chain-view.ts';
import type { Hex } from '../../../verifier/input.ts';
import { body, signer } from './attester.ts';

export const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`;

type Status = Awaited<ReturnType<ChainView['state']>>['status'];

export class FakeChain implements ChainView {
  /** Hash and claims of each block. */
  blocks: { hash: Hex; claims: SeenClaim[] }[] = [];
  /** What the head says of a claim; pending without a verdict, unless told. */
  readonly states = new Map<Hex, { status: Status; attested: boolean }>();
  /** Blocks between the head and the settled one. */
  behind = 0;
  time = 100n;
  /** Blocks that the node gives at once. */
  widest = 1_000_000n;
  down = false;
  readonly ranges: [bigint, bigint][] = [];
  #fork = 0;

  constructor(blocks: number) {
    this.mine(blocks);
  }

  /** Adds blocks, with a claim in the last one for each id. */
  mine(count: number, ...ids: readonly number[]): void {
    for (let i = 0; i < count; i++) this.blocks.push({ hash: word((this.#fork << 20) + this.blocks.length + 1), claims: [] });
    const last = this.blocks.at(-1);
    for (const n of ids)
      last?.claims.push({
        id: word(n),
        claimant: signer.address,
        body,
        acceptFrom: 1000n,
        block: BigInt(this.blocks.length - 1),
      });
  }

  /** Takes blocks away from the head; those mined after have other hashes. */
  reorganise(count: number): void {
    this.blocks.length -= count;
    this.#fork++;
  }

  attest(n: number): void {
    this.states.set(word(n), { status: 'pending', attested: true });
  }

  #up(): void {
    if (this.down) throw new Error('connect ECONNREFUSED');
  }

  async head() {
    this.#up();
    const number = BigInt(this.blocks.length - 1);
    return { number, time: this.time, settled: number - BigInt(this.behind) };
  }

  async block(number: bigint) {
    this.#up();
    const block = this.blocks[Number(number)];
    return block === undefined ? null : { number, hash: block.hash };
  }

  async claims(from: bigint, to: bigint) {
    this.#up();
    if (to - from + 1n > this.widest) throw new TooWide('query returned more than 10000 results');
    this.ranges.push([from, to]);
    return this.blocks.slice(Number(from), Number(to) + 1).flatMap((b) => b.claims);
  }

  async state(claim: Hex) {
    this.#up();
    const there = this.blocks.some((b) => b.claims.some((c) => c.id === claim));
    return there
      ? (this.states.get(claim) ?? { status: 'pending' as const, attested: false })
      : { status: 'none' as const, attested: false };
  }
}
