/** keccak-256 by the kernel, on the calling thread. */
import type { Keccak } from '../../../verifier/words.ts';
import type { DeviceMemory } from './memory.ts';
import type { Kernel } from './pool.ts';

const STATE = 200;
const RATE = 136;
/** From the state's address, as in assembly/keccak.ts. */
const CONSTANTS = 256;
const BLOCKS = 512;
/** Blocks copied at once. */
const MOST = 480;

/** The round constants: bit 2^j − 1 of constant i is the output 7i + j of the LFSR x^8 + x^6 + x^5 + x^4 + 1. */
function roundConstants(): BigUint64Array {
  const constants = new BigUint64Array(24);
  let lfsr = 1;
  for (let i = 0; i < 24; i++)
    for (let j = 0; j < 7; j++) {
      if (lfsr & 1) constants[i] = (constants[i] as bigint) ^ (1n << BigInt(2 ** j - 1));
      lfsr = (lfsr << 1) ^ (lfsr & 0x80 ? 0x171 : 0);
    }
  return constants;
}

export function createKeccak(memory: DeviceMemory, absorb: Kernel): Keccak {
  const state = memory.alloc(BLOCKS + MOST * RATE);
  const blocks = state + BLOCKS;
  memory.quads.set(roundConstants(), (state + CONSTANTS) >>> 3);
  return (input) => {
    const { bytes } = memory;
    bytes.fill(0, state, state + STATE);
    let from = 0;
    for (let whole = Math.floor(input.length / RATE); whole > 0; whole -= MOST) {
      const count = Math.min(MOST, whole);
      bytes.set(input.subarray(from, (from += count * RATE)), blocks);
      absorb(state, count);
    }
    const rest = input.length - from;
    bytes.set(from === 0 ? input : input.subarray(from), blocks);
    bytes.fill(0, blocks + rest, blocks + RATE);
    bytes[blocks + rest] = 1;
    bytes[blocks + RATE - 1] = (bytes[blocks + RATE - 1] as number) | 0x80;
    absorb(state, 1);
    return bytes.slice(state, state + 32);
  };
}
