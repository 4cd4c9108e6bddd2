import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** Most lines of the protocol part of verifier/ that are neither blank nor comment; 50 of them for delivered limbs in the proof (docs/decisions.md). */
const LINE_BUDGET = 3_050;
/**
 * Rooms outside the protocol part: builders of models; the validity checks that judge a program once, when its bounty is opened, not
 * once a bundle; the recorded verifier, which nobody needs to verify a bundle: it refutes a claim in a contract; and the delivery: handing over what a
 * paid claim promised and, of bounties with delivery alone, which limbs a program commits to (`limbs.ts`, `cells.ts`), whether terms fit them (`terms.ts`),
 * and of milestones, where they start (`continuation.ts`).
 */
const APART = ['models', 'validity', 'record', 'delivery'].map((room) => join('verifier', room) + sep);
/** Packages that run in a browser. */
const PACKAGES = /^(@noble\/(curves|hashes)|viem|zod)(\/|$)/;

/** The module of `import … from`, `export … from`, `import '…'` at a line's start, and of `import('…')`. */
const IMPORT = /^(?:import|export)\b(?:[^;'"]*\bfrom)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

/** Lines that are neither blank nor comment; the sources carry no code after a block comment's end on one line. */
export function codeLines(source: string): number {
  let inComment = false;
  let count = 0;
  for (const raw of source.split('\n')) {
    const line = raw.trim();
    if (inComment) {
      inComment = !line.includes('*/');
    } else if (line.startsWith('/*')) {
      inComment = !line.includes('*/');
    } else if (line !== '' && !line.startsWith('//')) {
      count++;
    }
  }
  return count;
}

/** What verifier/ does that it must not: imports from outside, Node's modules, more lines than an auditor reads in a day. */
export function verifierFaults(root: string): string[] {
  const faults: string[] = [];
  const sizes: [string, number][] = [];
  for (const file of globSync('verifier/**/*.ts', { cwd: root })) {
    const source = readFileSync(join(root, file), 'utf8');
    if (!APART.some((room) => file.startsWith(room))) sizes.push([file, codeLines(source)]);
    for (const match of source.matchAll(IMPORT)) {
      const specifier = (match[1] ?? match[2]) as string;
      const target = specifier.startsWith('.') ? relative(root, join(root, dirname(file), specifier)) : null;
      if (target === null ? !PACKAGES.test(specifier) : !target.startsWith(`verifier${sep}`)) {
        faults.push(`${file} imports ${specifier}; the verifier imports only itself, @noble, viem and zod`);
      }
    }
  }
  const lines = sizes.reduce((sum, [, size]) => sum + size, 0);
  const summary = `the protocol part of verifier/ has ${lines} lines of code (at most ${LINE_BUDGET})`;
  if (lines <= LINE_BUDGET) {
    console.log(summary);
  } else {
    sizes.sort((a, b) => b[1] - a[1]);
    faults.push(`${summary}: ${sizes.map(([file, size]) => `${size} ${file}`).join(', ')}`);
  }
  return faults;
}
