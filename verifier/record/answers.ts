/**
 * A tree known by its root and by answers to demands: each brings the 256 nodes eight levels below a node, or all cells below one of level 7 or less
 * (chain.md, "Withheld data"). An answer is believed once its nodes lead to the node that was demanded. The tree is walked from the root in
 * steps of eight levels, so that the demands of one walk are as few as its steps.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { hashWords, type Keccak } from '../words.ts';
import { answeredNodes, ANSWER_HEIGHT, type TreeTag } from './indexed-merkle.ts';

/** Fetches the words that answer a demand. */
export type Demand = (level: number, index: number) => Promise<readonly bigint[]> | readonly bigint[];

/** An answer that is not of the demanded node. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

export class AnsweredTree {
  readonly depth: number;
  private readonly tag: TreeTag;
  private readonly root: bigint;
  private readonly demand: Demand;
  private readonly keccak: Keccak;
  /** By demanded node: the levels below it, lowest first, down to which the answer reaches. */
  private readonly answers = new Map<string, Promise<readonly (readonly bigint[])[]>>();

  constructor(tag: TreeTag, depth: number, root: bigint, demand: Demand, keccak: Keccak = keccak_256) {
    this.tag = tag;
    this.depth = depth;
    this.root = root;
    this.demand = demand;
    this.keccak = keccak;
  }

  async node(level: number, index: number): Promise<bigint> {
    if (level === this.depth && index === 0) return this.root;
    if (!(level >= 0 && level < this.depth && index >= 0 && index < 2 ** (this.depth - level)))
      throw new Error(`no node ${index} on level ${level}`);
    const above = this.depth - ANSWER_HEIGHT * Math.floor((this.depth - level - 1) / ANSWER_HEIGHT);
    const at = Math.floor(index / 2 ** (above - level));
    const levels = await this.below(above, at);
    const fromLowest = level - (above - (levels.length - 1));
    return (levels[fromLowest] as readonly bigint[])[index - at * 2 ** (above - level)] as bigint;
  }

  private below(level: number, index: number): Promise<readonly (readonly bigint[])[]> {
    const key = `${level},${index}`;
    let known = this.answers.get(key);
    if (known === undefined) this.answers.set(key, (known = this.ask(level, index)));
    return known;
  }

  private async ask(level: number, index: number): Promise<readonly (readonly bigint[])[]> {
    const expected = await this.node(level, index);
    const levels: (readonly bigint[])[] = [answeredNodes(this.tag, level, await this.demand(level, index), this.keccak)];
    for (let nodes = levels[0] as readonly bigint[]; nodes.length > 1; levels.push(nodes))
      nodes = Array.from({ length: nodes.length / 2 }, (_, i) =>
        hashWords(this.keccak, [nodes[2 * i] as bigint, nodes[2 * i + 1] as bigint]),
      );
    if ((levels[levels.length - 1] as readonly bigint[])[0] !== expected)
      throw new WrongAnswer(`the answer for node ${index} of level ${level} is of another node`);
    return levels;
  }
}
