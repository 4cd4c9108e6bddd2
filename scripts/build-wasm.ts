/**
 * Builds the kernels: `npm run build:wasm`. With `--check`, compiles and compares with the committed binaries instead.
 * The backend's field arithmetic is generated (prover/backend/wasm/generate.ts), the rest is AssemblyScript: that of the field and the
 * curve under prover/backend/wasm/assembly, the trainer's matrix products under prover/trainer/kernels/assembly.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { fieldSource } from '../prover/backend/wasm/generate.ts';

const ROOT = join(import.meta.dirname, '..');
const BACKEND = 'prover/backend/wasm';
const TRAINER = 'prover/trainer/kernels';

interface Binary {
  readonly file: string;
  readonly folder: string;
  readonly options: readonly string[];
  /** Sources that are generated, by name. */
  readonly generated: Readonly<Record<string, string>>;
  /** The file's content. */
  readonly encode: (binary: Uint8Array) => Uint8Array;
}

const backend = (name: string, fused: boolean): Binary => ({
  file: `${BACKEND}/${name}`,
  folder: BACKEND,
  options: ['--initialMemory=256', ...(fused ? ['--enable=relaxed-simd'] : [])],
  generated: { 'assembly/field.ts': fieldSource(fused) },
  encode: (binary) => binary,
});

/** Small enough to lie in a module, so that it is there at once wherever the module is. */
const asModule = (binary: Uint8Array): Uint8Array =>
  new TextEncoder().encode(`/** assembly/index.ts compiled, in base64: written by scripts/build-wasm.ts. */
export const BINARY =
  '${Buffer.from(binary).toString('base64')}';
`);

/** The backend's kernels for machines with fused multiply-add and those for all; the trainer's. */
const BINARIES: readonly Binary[] = [
  backend('kernels.wasm', true),
  backend('kernels-portable.wasm', false),
  { file: `${TRAINER}/binary.ts`, folder: TRAINER, options: ['--initialMemory=2'], generated: {}, encode: asModule },
];

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
  '--maximumMemory=65536',
  '--memoryBase=65536',
];

async function compile({ file, folder, options, generated, encode }: Binary): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([...OPTIONS, ...options, `--baseDir=${join(ROOT, folder)}`], {
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
      if (name.endsWith('.wasm')) binary = content as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`${file} does not compile:\n${stderr.toString()}`);
  return encode(binary);
}

for (const target of BINARIES) {
  const path = join(ROOT, target.file);
  const binary = await compile(target);
  if (process.argv.includes('--check')) {
    const committed = await readFile(path).catch(() => Buffer.alloc(0));
    if (Buffer.compare(committed, binary) !== 0)
      throw new Error(`${target.file} is not what its sources compile to: run \`npm run build:wasm\` and commit the result`);
    console.log(`${target.file} is what its sources compile to`);
  } else {
    await writeFile(`${path}.new`, binary);
    await rename(`${path}.new`, path);
    console.log(`${target.file}: ${binary.length} bytes`);
  }
}
