/** Randomness of the prover: uniform field elements for masks, blinds and Σ-protocol masks. Each value belongs to one transcript. */
import { R } from '../../verifier/field.ts';

export interface RandomSource {
  /** `count` uniform field elements. */
  fields(count: number): bigint[];
}

/** From the platform's generator: 48 bytes reduced mod r, bias below 2^-129. */
export const systemRandom: RandomSource = {
  fields(count) {
    const out: bigint[] = [];
    const perChunk = 1024;
    for (let done = 0; done < count; done += perChunk) {
      const n = Math.min(perChunk, count - done);
      const bytes = crypto.getRandomValues(new Uint8Array(48 * n));
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < n; i++) {
        let v = 0n;
        for (let k = 0; k < 6; k++) v = (v << 64n) | view.getBigUint64(48 * i + 8 * k);
        out.push(v % R);
      }
    }
    return out;
  },
};
