/** A contract's code on a chain against what the compiler gave. Immutables are zero in the compiler's code, and anything on the chain. */
import { hexToBytes, keccak256, type Hex } from 'viem';

/** What a deployed code is recognised by. */
export interface Runtime {
  /** keccak-256 of the code with zeros for immutables. */
  readonly digest: Hex;
  /** Where immutables stand, 32 bytes each. */
  readonly immutables: readonly number[];
}

const WORD = 32;

interface Compiled {
  readonly deployedBytecode: string;
  readonly immutableReferences?: Readonly<Record<string, readonly { readonly start: number; readonly length: number }[]>>;
}

/** Of a compiled contract. */
export function runtimeOf({ deployedBytecode, immutableReferences = {} }: Compiled): Runtime {
  const places = Object.values(immutableReferences).flat();
  if (places.some(({ length }) => length !== WORD)) throw new Error('an immutable is no word');
  return { digest: keccak256(deployedBytecode as Hex), immutables: places.map(({ start }) => start).sort((a, b) => a - b) };
}

/** Whether a code on a chain is that of the runtime, but for its immutables. */
export function hasRuntime(code: Hex, { digest, immutables }: Runtime): boolean {
  const bytes = hexToBytes(code);
  if (immutables.some((start) => start + WORD > bytes.length)) return false;
  for (const start of immutables) bytes.fill(0, start, start + WORD);
  return keccak256(bytes) === digest;
}
