/** Points of the curve from x coordinates, four at a time. q = 3 modulo 4: a square's root is its power (q + 1)/4. */
import { canonical, copyPoint, negatePoint, normal } from './curve';
import { add2, carry2, mul2, mul4, pack2, sqr4, unpack2 } from './field';
import { FQ, copy2, curveScratch, element, int, pointer } from './shared';

/**
 * Candidate i is the number below 2^256 at x + 32·i, modulo q. Its point with the even y in Montgomery form, or 64 zero bytes if there is none, goes
 * to out + 64·i. Arguments: x, count, chunk length (a multiple of 4), out, eight words of (q + 1)/4; elements: R² modulo q, 3 and 1 as Montgomery forms and 1.
 */
export function liftPoints(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  const s = curveScratch, x = s, square = s + 160, root = s + 320, t = s + 480, powers = s + 4096;
  for (let i = begin; i < end; i += 4) {
    for (let k = 0; k < 2; k++) {
      const at = <usize>k * 80;
      unpack2(t, candidate(job, i + 2 * k, end), candidate(job, i + 2 * k + 1, end), FQ);
      mul2(x + at, t, element(job, 0), FQ);
      mul2(t, x + at, x + at, FQ);
      mul2(t, t, x + at, FQ);
      add2(t, t, element(job, 1));
      centered(square + at, t);
    }
    // square^0 … square^15, then four bits of the exponent at a time.
    copy2(powers, element(job, 2));
    copy2(powers + 80, element(job, 2));
    for (let k: usize = 1; k < 16; k++) {
      const p = powers + 160 * k;
      mul4(t, p - 160, square, t + 80, p - 80, square + 80, FQ);
      centerBoth(p, t);
    }
    copy2(root, powers);
    copy2(root + 80, powers);
    for (let nibble = 63; nibble >= 0; nibble--) {
      for (let k = 0; k < 4; k++) {
        sqr4(root, root, root + 80, root + 80, FQ);
        if (k == 1) centerBoth(root, root);
      }
      const p = powers + <usize>((<u32>int(job, 4 + (nibble >> 3)) >> ((nibble & 7) << 2)) & 15) * 160;
      mul4(t, root, p, t + 80, root + 80, p + 80, FQ);
      centerBoth(root, t);
    }
    for (let k = 0; k < 2; k++) {
      const at = <usize>k * 80, first = i + 2 * k, points = s + 640, plain = points + 128, check = plain + 64;
      pack2(points, points + 64, x + at, FQ);
      pack2(points + 32, points + 96, root + at, FQ);
      mul2(t, root + at, element(job, 3), FQ);
      pack2(plain, plain + 32, t, FQ);
      mul2(t, root + at, root + at, FQ);
      pack2(check, check + 32, t, FQ);
      pack2(check + 64, check + 96, square + at, FQ);
      for (let lane: usize = 0; lane < 2; lane++) {
        if (first + <i32>lane >= end) continue;
        const point = points + 64 * lane, is = check + 32 * lane, should = check + 64 + 32 * lane, y = plain + 32 * lane;
        const o = pointer(job, 3) + (<usize>(first + <i32>lane) << 6);
        canonical(point);
        canonical(point + 32);
        canonical(is);
        canonical(should);
        canonical(y);
        if (!same(is, should)) {
          memory.fill(o, 0, 64);
          continue;
        }
        copyPoint(o, point);
        if (load<u8>(y) & 1) negatePoint(o);
      }
    }
  }
}

function candidate(job: usize, i: i32, end: i32): usize {
  return pointer(job, 0) + (<usize>min(i, end - 1) << 5);
}

/** As normal, with limbs in [−2^50, 2^50]. */
function centered(o: usize, a: usize): void {
  normal(o, a);
  carry2(o, o);
}

/** Two squarings grow a value below p to 1.8·p: back below p. */
function centerBoth(o: usize, a: usize): void {
  centered(o, a);
  centered(o + 80, a + 80);
}

function same(a: usize, b: usize): bool {
  return (
    load<u64>(a) == load<u64>(b) && load<u64>(a, 8) == load<u64>(b, 8) && load<u64>(a, 16) == load<u64>(b, 16) && load<u64>(a, 24) == load<u64>(b, 24)
  );
}
