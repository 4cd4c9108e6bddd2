/** Verdicts on disk, one line each, so that a run that is killed goes on where it was. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Verdict } from './worker.ts';

export interface Result {
  readonly id: string;
  readonly file: string;
  /** Hash of the file that was mutated: another text, another mutant. */
  readonly source: string;
  readonly verdict: Verdict | 'timeout';
  /** The test that failed, or what the compiler said. */
  readonly by?: string;
  readonly seconds: number;
}

export const hashOf = (source: string): string => createHash('sha256').update(source).digest('hex').slice(0, 16);

export class Results {
  private readonly path: string;
  private readonly results = new Map<string, Result>();

  constructor(path: string) {
    this.path = path;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      // The last line of a run that was killed may be cut.
      if (!line.endsWith('}')) continue;
      const result = JSON.parse(line) as Result;
      this.results.set(result.id, result);
    }
  }

  /** The newest verdict on a mutant of this source. */
  get(id: string, source: string): Result | undefined {
    const own = this.results.get(id);
    return own?.source === source ? own : undefined;
  }

  add(result: Result): void {
    mkdirSync(dirname(this.path), { recursive: true });
    appendFileSync(this.path, `${JSON.stringify(result)}\n`);
    this.results.set(result.id, result);
  }
}
