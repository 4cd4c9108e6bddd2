/**
 * Builds the field and curve kernels: `npm run build:wasm`. With `--check`, compiles and compares with the committed binary instead.
 * The field arithmetic is generated (prover/backend/wasm/generate.ts), the rest is AssemblyScript under prover/backend/wasm/assembly.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { fieldSource } from '../prover/backend/wasm/generate.ts';

const FOLDER = join(import.meta.dirname, '../prover/backend/wasm');
const BINARY = join(FOLDER, 'kernels.wasm');

const OPTIONS = [
  'assembly/index.ts',
  '--outFile=kernels.wasm',
  // Level 2 and above make Binaryen sink additions into deep trees, which V8 then spills: products get 1.6 times slower.
  '--optimizeLevel=1',
  '--runtime=stub',
  '--use=abort=',
  '--enable=simd',
  '--enable=threads',
  '--enable=relaxed-simd',
  '--importMemory',
  '--sharedMemory',
  '--initialMemory=256',
  '--maximumMemory=65536',
  '--memoryBase=65536',
];

async function compile(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([...OPTIONS, `--baseDir=${FOLDER}`], {
    readFile: async (name, base) => {
      if (name === 'assembly/field.ts') return fieldSource();
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

const binary = await compile();
if (process.argv.includes('--check')) {
  const committed = await readFile(BINARY).catch(() => Buffer.alloc(0));
  if (Buffer.compare(committed, binary) !== 0)
    throw new Error('prover/backend/wasm/kernels.wasm is not what its sources compile to: run `npm run build:wasm` and commit the result');
  console.log('kernels.wasm is what its sources compile to');
} else {
  await writeFile(`${BINARY}.new`, binary);
  await rename(`${BINARY}.new`, BINARY);
  console.log(`kernels.wasm: ${binary.length} bytes`);
}
