/**
 * Kernels as WGSL text over a fixed convention. A kernel works on `items`, one an invocation, or one a workgroup; where arrays lie in several
 * buffers, or items are more than a dispatch takes, it is dispatched in pieces, each of which sees a run of items and one buffer an argument.
 *
 * Words of every dispatch: params[0] items of the piece, [1] the piece's first item, [2 + k] the first item's position in argument k, then the caller's
 * words. Caller's words are read by `word(i)`, field elements among them by `constantF(i)` (eight words each).
 */
import { fieldCode, type FieldName, type LimbBits } from './wgsl/field.ts';

/** How a kernel sees an argument: an array of these cells, whether it writes it. */
export interface Slot {
  readonly name: string;
  /** WGSL type of a cell; `vec4u` for field elements, two cells each. */
  readonly type: 'u32' | 'vec4u' | 'atomic<u32>';
  readonly access: 'read' | 'write';
}

export interface Kernel {
  readonly name: string;
  /** Fields whose functions the code uses. */
  readonly fields: readonly FieldName[];
  readonly slots: readonly Slot[];
  /** Invocations of a workgroup. */
  readonly size: number;
  /** An item is one invocation (default), or a workgroup. */
  readonly per?: 'invocation' | 'workgroup';
  /** Functions and workgroup variables. */
  readonly code?: string;
  /**
   * Body for one item: `item` counts from 0 within the piece (a `u32`), `local` is the invocation's index in its workgroup. Arguments' first items are
   * `at_<name>`. Per invocation, items beyond the last do not run the body.
   */
  readonly body: string;
}

/** Words of a dispatch. */
export const PARAMETER_WORDS = 128;
/** Words before the first caller's word. */
export const wordsBefore = (kernel: Kernel): number => 2 + kernel.slots.length;

export const invocations = (name: string, fields: readonly FieldName[], slots: readonly Slot[], body: string, code = ''): Kernel => ({
  name,
  fields,
  slots,
  size: 64,
  body,
  code,
});

/** Loads and stores of field elements in an argument of type vec4u, by element. */
const accessors = (slot: Slot, field: FieldName): string =>
  slot.type !== 'vec4u'
    ? ''
    : [
        `fn load${field}_${slot.name}(i: u32) -> ${field} { return unpack${field}(${slot.name}[2u * i], ${slot.name}[2u * i + 1u]); }`,
        slot.access === 'read'
          ? ''
          : `fn store${field}_${slot.name}(i: u32, x: ${field}) { ${slot.name}[2u * i] = low${field}(x); ${slot.name}[2u * i + 1u] = high${field}(x); }`,
      ].join('\n');

/** The whole module of a kernel. */
export function moduleCode(kernel: Kernel, bits: LimbBits): string {
  const { fields, slots, size } = kernel;
  const perGroup = kernel.per === 'workgroup';
  const first = wordsBefore(kernel);
  return [
    `@group(0) @binding(0) var<uniform> params: array<vec4u, ${PARAMETER_WORDS / 4}>;`,
    ...slots.map(
      (s, k) => `@group(0) @binding(${k + 1}) var<storage, ${s.access === 'read' ? 'read' : 'read_write'}> ${s.name}: array<${s.type}>;`,
    ),
    'fn parameter(i: u32) -> u32 { return params[i >> 2u][i & 3u]; }',
    `fn word(i: u32) -> u32 { return parameter(i + ${first}u); }`,
    ...fields.map((f) => fieldCode(f, bits)),
    ...fields.map(
      (f) => `fn constant${f}(i: u32) -> ${f} {
  return unpack${f}(vec4u(word(i), word(i + 1u), word(i + 2u), word(i + 3u)), vec4u(word(i + 4u), word(i + 5u), word(i + 6u), word(i + 7u)));
}`,
    ),
    ...fields.flatMap((f) => slots.map((s) => accessors(s, f))),
    kernel.code ?? '',
    `@compute @workgroup_size(${size}) fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {`,
    '  let group = wg.x + wg.y * groups.x;',
    `  let item = ${perGroup ? 'group' : `group * ${size}u + local`};`,
    ...slots.map((s, k) => `  let at_${s.name} = parameter(${k + 2}u);`),
    // A workgroup leaves as a whole, so that barriers stay uniform.
    '  if (item >= parameter(0u)) { return; }',
    kernel.body,
    '}',
  ].join('\n');
}
