/** The leaves of a block: where they lie in its padded layout, and which are on the domain. */
import { bitsOf } from '../../verifier/program/types.ts';
import type { LeafBlock, LeafDomain } from './types.ts';

/** log2 of the block's leaves. */
export const leafBits = ({ sizes }: LeafDomain): number => sizes.reduce((n, size) => n + bitsOf(size), 0);

/** Cells of the dense arrays. */
export const leafCount = ({ sizes }: LeafDomain): number => sizes.reduce((n, size) => n * size, 1);

/** Runs of leaves that are neighbours in the dense arrays and in the padded layout: `length` each, the k-th at leaf `starts[k]`, cell k·length. */
export function leafRows({ sizes }: LeafDomain): { readonly length: number; readonly starts: Float64Array } {
  let rest = sizes.length;
  let length = 1;
  let padded = 1;
  while (rest > 0 && length === padded) {
    const size = sizes[--rest] as number;
    length *= size;
    padded *= 2 ** bitsOf(size);
  }
  let starts = Float64Array.of(0);
  for (let d = rest - 1, stride = padded; d >= 0; d--) {
    const size = sizes[d] as number;
    const below = starts;
    starts = new Float64Array(size * below.length);
    for (let i = 0; i < size; i++) for (let k = 0; k < below.length; k++) starts[i * below.length + k] = i * stride + (below[k] as number);
    stride *= 2 ** bitsOf(size);
  }
  return { length, starts };
}

/** Whether a cell of the dense arrays is on the domain; null where all are. */
export function onDomain({ sizes, causal }: LeafDomain): ((cell: number) => boolean) | null {
  if (!causal) return null;
  const stride = (d: number): number => sizes.slice(d + 1).reduce((n, size) => n * size, 1);
  const [si, sj] = [stride(causal[0]), stride(causal[1])];
  const [ni, nj] = [sizes[causal[0]] as number, sizes[causal[1]] as number];
  return (cell) => Math.floor(cell / sj) % nj <= Math.floor(cell / si) % ni;
}

/** Throws unless the block's arrays are those of its domain and it ends within 2^depth leaves. */
export function checkBlock(block: LeafBlock, depth: number): void {
  const { offset, domain, numerators, values } = block;
  const count = leafCount(domain);
  const columns = numerators === 'ones' ? values : [numerators, ...values];
  if (values.length < 1 || values.length > 3 || columns.some((v) => v.length !== count))
    throw new Error(
      `fraction tree: a block over ${domain.sizes.join(' × ')} cells has columns of ${columns.map((v) => v.length).join(', ')}; it needs 1 to 3 of ${count}`,
    );
  const end = offset + 2 ** leafBits(domain);
  if (end > 2 ** depth) throw new Error(`fraction tree: a block ends at leaf ${end}, past leaf ${2 ** depth}`);
}
