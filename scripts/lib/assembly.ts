/** Compiles the AssemblyScript of kernels; how is the same for what is shipped and for tests of parts of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

const OPTIONS = [
  'assembly/index.ts',
  '--outFile=kernels.wasm',
  // Level 2 and above make Binaryen sink additions into deep trees, which V8 then spills: products get 1.6 times slower.
  '--optimizeLevel=1',
  // AssemblyScript's name of its runtime without a garbage collector: kernels allocate nothing.
  '--runtime=stub',
  '--use=abort=',
  '--enable=simd',
  '--enable=threads',
  '--importMemory',
  '--sharedMemory',
  '--maximumMemory=65536',
  '--memoryBase=65536',
];

/** Options of kernels with the field's arithmetic. */
export const fieldOptions = (fused: boolean): string[] => ['--initialMemory=256', ...(fused ? ['--enable=relaxed-simd'] : [])];

/**
 * `assembly/index.ts` in a folder as a binary with an imported shared memory. `generated`: sources by name instead of files. Errors: what
 * does not compile, with the compiler's messages.
 */
export async function compileAssembly(
  folder: string,
  options: readonly string[],
  generated: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main([...OPTIONS, ...options, `--baseDir=${folder}`], {
    readFile: async (name, base) => {
      const source = generated[name];
      if (source !== undefined) return source;
      try {
        return await readFile(join(base, name), 'utf8');
      } catch {
        return null;
      }
    },
    writeFile: (name, content) => {
      if (name.endsWith('.wasm')) binary = content as Uint8Array<ArrayBuffer>;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`${folder} does not compile:\n${stderr.toString()}`);
  return binary;
}
