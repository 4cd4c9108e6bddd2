/** The prover's state between two proofs as bytes: secret (blinds of the state rows, hidden values), so that a killed run goes on. */
import { z } from 'zod';
import { isOnCurve, type Affine } from '../../verifier/curve.ts';
import { R } from '../../verifier/field.ts';
import { canonicalJson, decodeCanonical, InputError } from '../../verifier/input.ts';
import { fromFelts, fromPoints, toFelts, toPoints, type Felt, type Pt } from '../../verifier/protocol/machine.ts';
import { fixedPolys, type Accumulator } from '../../verifier/protocol/accumulator.ts';
import type { Compiled } from '../../verifier/program/compile.ts';
import type { ChainState } from '../prove/run.ts';

const number = z
  .string()
  .regex(/^[0-9a-f]{1,64}$/, 'must be hex')
  .transform((v) => BigInt(`0x${v}`));
const scalar = number.refine((v) => v < R, 'must be a canonical scalar');
const point = z
  .union([z.null(), z.tuple([number, number]).transform(([x, y]): Affine => ({ x, y }))])
  .refine((p) => p === null || isOnCurve(p), 'must be a point of the curve');
const finite = point.transform((p, context): Affine => {
  if (p === null) context.addIssue('must not be the point at infinity');
  return p as Affine;
});

const schema = z.strictObject({
  Z: z.array(scalar),
  zeta: scalar,
  Q: point,
  w: scalar,
  fixed: z.array(z.strictObject({ rho: z.array(scalar), value: z.union([z.strictObject({ scalar }), z.strictObject({ point })]) })),
  digest: number,
  rows: z.array(finite),
  blinds: z.array(scalar),
  running: z.array(z.strictObject({ value: scalar, blind: scalar })),
});

const LIMITS = { size: 64 << 20, depth: 8 };
const hex = (v: bigint): string => v.toString(16);
const pointJson = (p: Affine | null): unknown => (p === null ? null : [hex(p.x), hex(p.y)]);

export function encodeChainState(c: Compiled, s: ChainState): Uint8Array {
  const { accumulator: a } = s;
  const hidden = fixedPolys(c).map((p) => p.hidden);
  return canonicalJson({
    Z: fromFelts(a.Z).map(hex),
    zeta: fromFelts([a.zeta]).map(hex)[0],
    Q: fromPoints([a.Q]).map(pointJson)[0],
    w: fromFelts([a.w]).map(hex)[0],
    fixed: a.fixed.map((f, i) => ({
      rho: fromFelts(f.rho).map(hex),
      value: hidden[i] ? { point: fromPoints([f.value as Pt]).map(pointJson)[0] } : { scalar: fromFelts([f.value as Felt]).map(hex)[0] },
    })),
    digest: hex(s.digest),
    rows: s.rows.map(pointJson),
    blinds: s.blinds.map(hex),
    running: s.running.map((r) => ({ value: hex(r.value), blind: hex(r.blind) })),
  });
}

export function decodeChainState(c: Compiled, bytes: Uint8Array, source: string): ChainState {
  // Canonical form is that of the text; the schema's values are numbers and points.
  const s = schema.safeParse(decodeCanonical(z.json(), bytes, source, LIMITS));
  if (!s.success)
    throw new InputError(
      source,
      s.error.issues[0]?.path.join('.') ?? '',
      s.error.issues[0]?.message ?? 'is wrong',
      'delete the file; its proof is made again',
    );
  const { data } = s;
  const fixed = fixedPolys(c);
  const fits =
    data.Z.length === c.generators &&
    data.fixed.length === fixed.length &&
    data.fixed.every((f, i) => f.rho.length === fixed[i]?.bits && 'point' in f.value === fixed[i]?.hidden) &&
    data.rows.length === data.blinds.length &&
    data.running.length === fixed.filter((f) => f.hidden).length;
  if (!fits) throw new InputError(source, '', 'belongs to another program', 'delete the file; its proof is made again');
  const accumulator: Accumulator = {
    Z: toFelts(data.Z),
    zeta: toFelts([data.zeta])[0] as Felt,
    Q: toPoints([data.Q])[0] as Pt,
    w: toFelts([data.w])[0] as Felt,
    fixed: data.fixed.map((f) => ({
      rho: toFelts(f.rho),
      value: 'point' in f.value ? (toPoints([f.value.point])[0] as Pt) : (toFelts([f.value.scalar])[0] as Felt),
    })),
  };
  return { accumulator, digest: data.digest, rows: data.rows, blinds: data.blinds, running: data.running };
}
