/** WebGPU in Node: Dawn, as the package `webgpu` brings it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** What the package exports. */
interface Dawn {
  create(options: readonly string[]): GPU;
  readonly globals: object;
}

// When Dawn's object is collected while adapters or devices live, the process crashes later.
const kept = globalThis as { fineproofDawn?: GPU };

const LOADER = 'libvulkan.so.1';
const FOLDERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/local/lib'];

/** Whether the Vulkan loader is there, without which Dawn finds nothing on Linux, and says so on standard error. */
function hasLoader(): boolean {
  const given = (process.env.LD_LIBRARY_PATH ?? '').split(delimiter).filter(Boolean);
  if ([...given, ...FOLDERS].some((folder) => existsSync(join(folder, LOADER)))) return true;
  const cache = spawnSync('ldconfig', ['-p'], { encoding: 'utf8', env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } });
  return cache.status === 0 && cache.stdout.includes(LOADER);
}

/** The entry point of WebGPU. Throws, with the cure, where there is none. */
export async function openGpu(): Promise<GPU> {
  if (kept.fineproofDawn) return kept.fineproofDawn;
  if (process.platform === 'linux' && !hasLoader())
    throw new Error(`webgpu: no adapter, for the Vulkan loader (${LOADER}) is missing; install it with the driver of the graphics card`);
  let dawn: Dawn;
  try {
    dawn = (await import('webgpu')) as unknown as Dawn;
  } catch (cause) {
    throw new Error('webgpu: the package "webgpu" is not installed or does not load on this system; run npm install --include=optional', {
      cause,
    });
  }
  Object.assign(globalThis, dawn.globals);
  return (kept.fineproofDawn = dawn.create([]));
}

const file = (): string => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fineproof', 'webgpu.json');

function stored(): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(file(), 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What was remembered under a key in an earlier process; undefined if nothing was. It is but a hint: whoever reads it checks it. */
export const recall = (key: string): unknown => {
  const values = stored();
  return Object.hasOwn(values, key) ? values[key] : undefined;
};

/** Remembers a value for later processes, where the system allows it. */
export function remember(key: string, value: unknown): void {
  try {
    mkdirSync(dirname(file()), { recursive: true });
    const own = `${file()}.${process.pid}.tmp`;
    writeFileSync(own, JSON.stringify({ ...stored(), [key]: value }));
    renameSync(own, file());
  } catch {
    // Without a cache the next start measures again.
  }
}
