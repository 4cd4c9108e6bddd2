/**
 * The first state of a LoRA run: A uniform on (−1/√in, 1/√in) from a public seed, B and all moments zero. Integers only, so that
 * everybody computes the same one.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Program } from '../program/types.ts';

/** floor(2^f / √n). */
function bound(f: number, n: number): number {
  let r = BigInt(Math.floor(2 ** f / Math.sqrt(n)));
  const target = 1n << BigInt(2 * f);
  while (r * r * BigInt(n) > target) r--;
  while ((r + 1n) * (r + 1n) * BigInt(n) <= target) r++;
  return Number(r);
}

/** Contents of the tensors of `state.in`, dense and row-major. `seed` has 32 bytes. */
export function initialState(program: Program, seed: Uint8Array): Record<string, Float64Array> {
  const out: Record<string, Float64Array> = {};
  for (const t of program.tensors) {
    if (t.poly !== 'state.in') continue;
    const values = new Float64Array(t.axes.reduce((n, a) => n * a.size, 1));
    if (t.name.endsWith('.A')) fill(values, bound(t.f, t.axes.at(-1)?.size ?? 1), seed, t.name);
    out[t.name] = values;
  }
  return out;
}

/** Uniform integers in (−limit, limit): keccak(seed ‖ name ‖ counter), four bytes each, rejected above a multiple of the range. */
function fill(values: Float64Array, limit: number, seed: Uint8Array, name: string): void {
  const prefix = new TextEncoder().encode(name);
  const input = new Uint8Array(seed.length + prefix.length + 4);
  input.set(seed);
  input.set(prefix, seed.length);
  const counter = new DataView(input.buffer, seed.length + prefix.length);
  const range = 2 * limit - 1;
  const top = 2 ** 32 - (2 ** 32 % range);
  let block = new DataView(new ArrayBuffer(0));
  let at = 0;
  let n = 0;
  for (let i = 0; i < values.length;) {
    if (at === block.byteLength) {
      counter.setUint32(0, n++);
      const h = keccak_256(input);
      block = new DataView(h.buffer, h.byteOffset, h.byteLength);
      at = 0;
    }
    const x = block.getUint32(at);
    at += 4;
    if (x < top) values[i++] = (x % range) - limit + 1;
  }
}
