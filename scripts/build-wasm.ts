/**
 * Builds the kernels: `npm run build:wasm`. With `--check`, compiles and compares with the committed binaries instead.
 * The backend's field arithmetic is generated (prover/backend/wasm/generate.ts), the rest is AssemblyScript: that of the field and the
 * curve under prover/backend/wasm/assembly, the trainer's matrix products under prover/trainer/kernels/assembly.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fieldSource } from '../prover/backend/wasm/generate.ts';
import { compileAssembly, fieldOptions } from './lib/assembly.ts';

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
  options: fieldOptions(fused),
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

for (const target of BINARIES) {
  const path = join(ROOT, target.file);
  const binary = target.encode(await compileAssembly(join(ROOT, target.folder), target.options, target.generated));
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
