/** Evaluation of sumcheck rounds. Sums are left as accumulators (176 bytes a sum, two lanes), which the host adds up. */
import { clear2, mac2, spill2, sub2, unpack2 } from './field';
import { FR, int, pointer, scratch } from './shared';
import { lower } from './vector';

const ACC: usize = 176;

/**
 * Σ over pairs of the product of two tables at 0, 1, ∞; ∞ is the leading coefficient. Pair j is cells lo, hi as in `bind`.
 * Arguments: h, pairs, chunk length; the tables; sums (3 accumulators a chunk); whether to leave out the sum at 1.
 */
export function productRound(job: usize, chunk: i32): void {
  const h = int(job, 0), mask = (1 << h) - 1, first = pointer(job, 3), second = pointer(job, 4), atOne = !int(job, 6);
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  const out = pointer(job, 5) + <usize>chunk * 3 * ACC;
  for (let k: usize = 0; k < 3; k++) clear2(out + k * ACC);
  const above = <usize>32 << h;
  const lo = scratch, hi = scratch + 160, d = scratch + 320;
  let room = 256;
  for (let j = begin; j < end; j += 2) {
    const a = lower(j, h, mask), b = lower(min(j + 1, end - 1), h, mask);
    for (let t: usize = 0; t < 2; t++) {
      const table = t ? second : first, at = t * 80;
      unpack2(lo + at, table + a, table + b, FR);
      unpack2(hi + at, table + a + above, table + b + above, FR);
      sub2(d + at, hi + at, lo + at);
    }
    mac2(out, lo, lo + 80, FR);
    if (atOne) mac2(out + ACC, hi, hi + 80, FR);
    mac2(out + 2 * ACC, d, d + 80, FR);
    if (--room == 0) {
      room = 256;
      for (let t: usize = 0; t < 3; t++) spill2(out + t * ACC, FR);
    }
  }
}
