/**
 * Builds the field and curve kernels: `npm run build:wasm`. With `--check`, compiles and compares with the committed binary instead.
 * The field arithmetic is generated (prover/backend/wasm/generate.ts), the rest is AssemblyScript under prover/backend/wasm/assembly.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { fieldSource } from '../prover/backend/wasm/generate.ts';

const FOLDER = join(import.meta.dirname, '../prover/backend/wasm');
/** The kernels for machines with fused multiply-add, and those for all. */
const BINARIES = [
  { name: 'kernels.wasm', fused: true },
  { name: 'kernels-portable.wasm', fused: false },
] as const;

const OPTIONS = [
  'assembly/index.ts',
  '--outFile=kernels.wasm',
  // Level 2 and above make Binaryen sink additions into deep trees, which V8 then spills: products get 1.6 times slower.
  '--optimizeLevel=1',
  '--runtime=stub',
  '--use=abort=',
  '--enable=simd',
  '--enable=threads',
  '--importMemory',
  '--sharedMemory',
  '--initialMemory=256',
  '--maximumMemory=65536',
  '--memoryBase=65536',
];

async function compile(fused: boolean): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([...OPTIONS, ...(fused ? ['--enable=relaxed-simd'] : []), `--baseDir=${FOLDER}`], {
    readFile: async (name, base) => {
      if (name === 'assembly/field.ts') return fieldSource(fused);
      try {
        return await readFile(join(base, name), 'utf8');
      } catch {
        return null;
      }
    },
    writeFile: (name, content) => {
      if (name.endsWith('.wasm')) binary = content as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`the kernels do not compile:\n${stderr.toString()}`);
  return binary;
}

for (const { name, fused } of BINARIES) {
  const path = join(FOLDER, name);
  const binary = await compile(fused);
  if (process.argv.includes('--check')) {
    const committed = await readFile(path).catch(() => Buffer.alloc(0));
    if (Buffer.compare(committed, binary) !== 0)
      throw new Error(`prover/backend/wasm/${name} is not what its sources compile to: run \`npm run build:wasm\` and commit the result`);
    console.log(`${name} is what its sources compile to`);
  } else {
    await writeFile(`${path}.new`, binary);
    await rename(`${path}.new`, path);
    console.log(`${name}: ${binary.length} bytes`);
  }
}
