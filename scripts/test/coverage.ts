/**
 * `npm run test:coverage`: which lines and statements of contracts/ the contract tests reach, as Hardhat's instrumentation counts them (statements are counted,
 * branches are not). Prints a table, writes it to coverage/summary.json and coverage/lcov.info, and ends with exit code 1 below 95 % of either, in all or if a
 * test failed that is not about gas or bytecode: those change when code is instrumented.
 */
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST = 95;
/** What measures or compares the code itself, which is larger here and calls out to count. */
const ABOUT_CODE = ['artifacts', 'calls', 'gas', 'gas-floor'].map((name) => join('test', 'contracts', `${name}.test.ts`));

const root = fileURLToPath(new URL('../..', import.meta.url));
process.chdir(root);
// Test files import Hardhat by name, so its settings can only come from here.
process.env['HARDHAT_CONFIG'] = join(root, 'scripts', 'test', 'coverage.config.ts');
process.env['HARDHAT_COVERAGE'] = 'true';
const { default: hre } = await import('hardhat');

interface FileCoverage {
  readonly lineExecutionCounts: ReadonlyMap<number, number>;
  readonly executedStatementsCount: number;
  readonly unexecutedStatementsCount: number;
  readonly executedLinesCount: number;
  readonly unexecutedLines: ReadonlySet<number>;
}
/** Of Hardhat 3.17; it has no public interface to the figures that its table shows. */
interface CoverageManager {
  disableReport(): void;
  enableReport(): void;
  report(...suites: string[]): Promise<void>;
  loadData(...suites: string[]): Promise<void>;
  getReport(): Promise<Record<string, FileCoverage>>;
}
interface Row {
  readonly file: string;
  readonly lines: number;
  readonly linesReached: number;
  readonly statements: number;
  readonly statementsReached: number;
  readonly missedLines: readonly number[];
}

const manager = (hre as unknown as { readonly _coverage: CoverageManager })._coverage;
manager.disableReport();
await hre.tasks.getTask('build').run({ quiet: true });
const files = { mocha: globSync('test/contracts/*.test.ts').filter((file) => !ABOUT_CODE.includes(file)), solidity: [] };
let failed = false;
for (const [suite, testFiles] of Object.entries(files)) {
  const outcome = (await hre.tasks.getTask(['test', suite]).run({ noCompile: true, testFiles })) as { readonly success: boolean };
  failed ||= !outcome.success;
}

// Its table, lcov.info and html.
manager.enableReport();
await manager.report(...Object.keys(files));
const rows = Object.entries(await manager.getReport())
  .map(([file, own]): Row => ({
    file,
    lines: own.lineExecutionCounts.size,
    linesReached: own.executedLinesCount,
    statements: own.executedStatementsCount + own.unexecutedStatementsCount,
    statementsReached: own.executedStatementsCount,
    missedLines: [...own.unexecutedLines].sort((a, b) => a - b),
  }))
  .sort((a, b) => (a.file < b.file ? -1 : 1));
const sum = (key: 'lines' | 'linesReached' | 'statements' | 'statementsReached'): number => rows.reduce((n, row) => n + row[key], 0);
const total: Row = {
  file: 'total',
  ...{ lines: sum('lines'), linesReached: sum('linesReached'), statements: sum('statements'), statementsReached: sum('statementsReached') },
  missedLines: [],
};
const percent = (reached: number, all: number): number => (all === 0 ? 100 : (100 * reached) / all);

mkdirSync('coverage', { recursive: true });
writeFileSync(join('coverage', 'summary.json'), `${JSON.stringify({ files: rows, total }, null, 2)}\n`);
console.log(`lines: ${sum('linesReached')} of ${sum('lines')}, statements: ${sum('statementsReached')} of ${sum('statements')}`);
const least = Math.min(percent(total.linesReached, total.lines), percent(total.statementsReached, total.statements));
if (rows.length === 0) throw new Error('nothing was measured');
if (least < LEAST) console.log(`✖ below ${LEAST} %`);
if (failed) console.log('✖ a test failed');
process.exit(least < LEAST || failed ? 1 : 0);
