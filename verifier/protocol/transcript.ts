/**
 * The transcript (proof.md §5): one running keccak state from 0. Each absorb first binds its label and length, then cell by cell;
 * after each challenge the state moves on before anything else, so that no two challenges are drawn at one state.
 */
import { tagNumber } from '../words.ts';
import type { Cell, Felt, Machine, Word } from './machine.ts';

export class Transcript {
  readonly machine: Machine;
  state: Word;

  constructor(machine: Machine) {
    this.machine = machine;
    this.state = machine.word(0n);
  }

  /** Absorbs cells under a label. */
  absorb(label: string, cells: readonly Cell[]): void {
    this.state = this.machine.hash('ABSORB', this.state, [tagNumber(label), BigInt(cells.length)]);
    for (const cell of cells) this.state = this.machine.hash('ABSORB', this.state, cell);
  }

  /** A challenge of 248 bits. */
  challenge(): Felt {
    const c = this.machine.squeeze(this.state);
    this.state = this.machine.hash('SQ', this.state, c);
    return c;
  }

  challenges(count: number): Felt[] {
    return Array.from({ length: count }, () => this.challenge());
  }
}
