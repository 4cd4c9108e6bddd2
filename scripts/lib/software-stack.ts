/**
 * A Chromium and a software WebGPU adapter (SwiftShader, with the Vulkan loader) for machines without them: the package @sparticuz/chromium carries
 * both for Linux on x86-64, for tests and for benches without a GPU. Nothing of it is part of the product.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listAdapters } from '../../prover/backend/webgpu/adapter.ts';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const require = createRequire(import.meta.url);

/** Where it lies once it is unpacked. */
export interface SoftwareStack {
  readonly chromium: string;
  /** Environment of a process whose WebGPU is SwiftShader. */
  readonly adapter: Readonly<Record<'LD_LIBRARY_PATH' | 'VK_ICD_FILENAMES', string>>;
}

const stackIn = (folder: string): SoftwareStack => ({
  chromium: join(folder, 'chromium'),
  adapter: {
    // The system's libraries come first, but for Vulkan, of which this folder has the only one that is known to work.
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH, join(folder, 'al2023', 'lib')].filter(Boolean).join(delimiter),
    VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
  },
});

/** The package's version, and the folder of its archives; null where it is not installed. */
function archives(): { readonly version: string; readonly folder: string } | null {
  const manifest = join(modules, '@sparticuz', 'chromium', 'package.json');
  if (!existsSync(manifest)) return null;
  return { version: (require(manifest) as { version: string }).version, folder: join(dirname(manifest), 'bin') };
}

const folderOf = (version: string): string => join(modules, '.cache', 'fineproof', `chromium-${version}`);

/** The unpacked stack; null where it has not been unpacked. */
export function unpackedStack(): SoftwareStack | null {
  const found = archives();
  return found && existsSync(folderOf(found.version)) ? stackIn(folderOf(found.version)) : null;
}

/** Unpacks the stack where that has not been done; null on systems that it is not made for. */
export async function softwareStack(): Promise<SoftwareStack | null> {
  const found = archives();
  if (!found || process.platform !== 'linux' || process.arch !== 'x64') return null;
  const folder = folderOf(found.version);
  if (existsSync(folder)) return stackIn(folder);
  mkdirSync(dirname(folder), { recursive: true });
  const own = mkdtempSync(`${folder}-`);
  const before = process.env.TMPDIR;
  // The package unpacks into the system's folder for temporary files, where names are anybody's.
  process.env.TMPDIR = own;
  try {
    const { inflate } = await import('@sparticuz/chromium');
    await Promise.all(['chromium.br', 'swiftshader.tar.br', 'al2023.tar.br'].map((name) => inflate(join(found.folder, name))));
    renameSync(own, folder);
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    // Another process was faster.
    if (!existsSync(folder)) throw error;
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  return stackIn(folder);
}

/** Returns where there is an adapter. Else runs this program again with the software adapter and ends with its exit code; returns if there is none. */
export async function withAdapter(): Promise<void> {
  const adapters = await listAdapters().catch(() => []);
  if (adapters.length > 0) return;
  const stack = await softwareStack();
  if (stack === null || process.env.VK_ICD_FILENAMES === stack.adapter.VK_ICD_FILENAMES) return;
  process.stderr.write('No GPU here: computing on SwiftShader, a software adapter.\n');
  const { status } = spawnSync(process.execPath, process.argv.slice(1), { stdio: 'inherit', env: { ...process.env, ...stack.adapter } });
  process.exit(status ?? 1);
}
