/** r = isqrt(⌊d·2^(f_m + 2·f_r) / m⌋), the inverse root of m / d by row: what the norms scale by. */
import type { TensorRef } from '../builder.ts';
import type { Net, Rows } from '../net.ts';

/** `m` is a positive integer by row; tensors `<name>.r` and `<name>.r2`, its square. */
export function inverseRoot(net: Net, name: string, rows: Rows, m: TensorRef): TensorRef {
  const { b } = net;
  const r = b.value(`${name}.r`, rows, 'inverseNorm');
  const square = b.count(`${name}.r2`, rows, 2 * (r.tensor.bits - 1), 2 * r.f);
  if (m.f + 2 * r.f < 0) throw new Error(`${name}: exponents ${m.f} of the sum of squares and ${r.f} of its inverse root are too small`);
  const numerator = BigInt(net.recipe.model.width) << BigInt(m.f + 2 * r.f);
  // Both remainders are below m·(2r + 1) <= 2·sqrt(numerator·m) + m.
  const bits = Math.max(Math.ceil((numerator.toString(2).length + m.tensor.bits) / 2) + 1, m.tensor.bits) + 1;
  b.relations.push({
    kind: 'rsqrt',
    on: { vars: rows.map((v) => ('layer' in v ? v.layer : v)) },
    out: r.view(...rows),
    square: square.view(...rows),
    numerator,
    m: m.at(...rows).linear,
    bits,
  });
  return r;
}
