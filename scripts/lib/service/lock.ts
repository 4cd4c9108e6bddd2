/**
 * One process for one job: a lock file that names its holder. A holder that has ended on this machine is replaced at once; one on another machine
 * when it has not touched the file for a while. It keeps two services from doing the same work; that no second verdict is signed
 * rests on the decision files, not on it.
 */
import { readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { z } from 'zod';
import { canonicalJson, decodeCanonical, hexBytes, InputError, printable } from '../../../verifier/input.ts';
import { readBounded, writeOnce } from '../files.ts';

const holderSchema = z.strictObject({
  version: z.literal(1),
  host: printable(255),
  pid: z.int().min(1),
  /** When the process started, in clock ticks since the machine did: numbers of processes are used again. Null where it isn't known. */
  started: printable(32).nullable(),
  token: hexBytes(16),
});
type Holder = z.infer<typeof holderSchema>;

/** Milliseconds between touches, and after which a silent holder on another machine is held to have ended. */
const TOUCH = 10_000;
const SILENT = 120_000;

/** Field 22 of /proc/PID/stat; null where there is none. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function runs({ pid, started }: Holder): boolean {
  // A lock of an earlier life of this process's number is not ours.
  if (started === null) return pid !== process.pid && answers(pid);
  return startOf(pid) === started;
}

function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as { code?: string }).code === 'EPERM';
  }
}

function holderOf(path: string): Holder | null {
  try {
    return decodeCanonical(holderSchema, readBounded(path, 4096), path);
  } catch (e) {
    if (e instanceof InputError && e.message.includes('does not exist')) return null;
    throw e;
  }
}

/** Takes the lock; what it returns gives it back. Errors: another process holds it. */
export function lock(path: string, what: string): () => void {
  const own: Holder = {
    version: 1,
    host: hostname(),
    pid: process.pid,
    started: startOf(process.pid),
    token: `0x${randomBytes(16).toString('hex')}`,
  };
  const held = (h: Holder): InputError =>
    new InputError(path, '', `${what} is held by process ${h.pid} on ${h.host}`, 'stop that process, or wait until it ends');
  for (let tries = 0; !writeOnce(path, canonicalJson(own)); tries++) {
    const holder = holderOf(path);
    if (holder === null) continue;
    const ended = holder.host === own.host ? !runs(holder) : Date.now() - statSync(path).mtimeMs > SILENT;
    if (!ended || tries > 3) throw held(holder);
    // Whoever renames it takes it away; if another process was faster, what went away is that process's lock, and it goes back.
    const aside = `${path}.${own.token.slice(2)}`;
    try {
      renameSync(path, aside);
    } catch (e) {
      if ((e as { code?: string }).code === 'ENOENT') continue;
      throw e;
    }
    const taken = readBounded(aside, 4096);
    rmSync(aside);
    const now = decodeCanonical(holderSchema, taken, path);
    if (now.token !== holder.token) {
      writeOnce(path, taken);
      throw held(now);
    }
  }
  const ours = (): boolean => {
    try {
      return holderOf(path)?.token === own.token;
    } catch {
      return false;
    }
  };
  const touching = setInterval(() => {
    if (ours()) utimesSync(path, new Date(), new Date());
  }, TOUCH);
  touching.unref();
  return () => {
    clearInterval(touching);
    if (ours()) rmSync(path, { force: true });
  };
}
