/**
 * All kernels that a proof runs, to be compiled before they are needed: the driver does so on threads of its own, while with the first dispatch of each
 * everything would wait.
 */
import { KERNELS as buckets } from './buckets.ts';
import { KERNELS as form } from './form.ts';
import { KERNELS as generators } from './generators.ts';
import { KERNELS as halves } from './halves.ts';
import { KERNELS as held } from './held.ts';
import { KERNELS as ints } from './ints.ts';
import { KERNELS as layer } from './layer-kernels.ts';
import { KERNELS as leaves } from './leaves.ts';
import { KERNELS as lines } from './lines.ts';
import { KERNELS as outer } from './outer.ts';
import { KERNELS as points } from './points.ts';
import { KERNELS as products } from './products-kernels.ts';
import { KERNELS as rounds } from './rounds.ts';
import { KERNELS as sort } from './sort.ts';
import { KERNELS as sums } from './sums.ts';
import { KERNELS as vectors } from './vectors.ts';
import { dotKernels } from './dot-kernels.ts';
import type { Kernel } from './kernel.ts';
import { weightKernels } from './weights.ts';
import type { LimbBits } from './wgsl/field.ts';

/** In the order in which a proof comes to them. */
export const kernelsOf = (bits: LimbBits): readonly Kernel[] => [
  ...products,
  ...lines,
  ...generators,
  ...points,
  ...vectors,
  ...sums,
  ...leaves,
  ...layer,
  ...halves,
  ...ints,
  ...weightKernels(bits),
  ...dotKernels(bits),
  ...held,
  ...outer,
  ...form,
  ...rounds,
  ...sort,
  ...buckets,
];
