/**
 * `npm run test:invariants`: the escrow's invariants under long random games, 20,000 calls each, and its fuzz tests with many runs. Prints how often each call
 * of the game was made and went through, and ends with exit code 1 if one never did: such a game would not have been about it.
 */
import { fileURLToPath } from 'node:url';
import { createHardhatRuntimeEnvironment } from 'hardhat/hre';
import config from '../../hardhat.config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const solidity = { fuzz: { runs: 10 }, invariant: { runs: 20, depth: 250 } };
const hre = await createHardhatRuntimeEnvironment(
  { ...config, test: { ...config.test, solidity } },
  { config: `${root}hardhat.config.ts` },
  root,
);
/** What Hardhat's task returns of each test. */
interface Results {
  readonly suiteResults: readonly {
    readonly testResults: readonly { readonly kind: { readonly metrics?: Readonly<Record<string, Metrics>> } }[];
  }[];
}
interface Metrics {
  readonly calls: bigint;
  readonly reverts: bigint;
  readonly discards: bigint;
}

await hre.tasks.getTask('build').run({ quiet: true });
const files = ['Invariants', 'Escrow'].map((name) => `test/contracts/solidity/${name}.t.sol`);
const outcome = (await hre.tasks.getTask(['test', 'solidity']).run({ noCompile: true, testFiles: files })) as {
  readonly success: boolean;
  readonly value?: Results;
  readonly error?: Results;
};

const reached = new Map<string, { calls: bigint; refused: bigint }>();
for (const { testResults } of (outcome.value ?? outcome.error)?.suiteResults ?? []) {
  for (const { kind } of testResults) {
    for (const [name, { calls, reverts, discards }] of Object.entries(kind.metrics ?? {})) {
      const own = reached.get(name) ?? { calls: 0n, refused: 0n };
      reached.set(name, { calls: own.calls + calls, refused: own.refused + reverts + discards });
    }
  }
}
console.log('| call | made | refused | went through |\n| --- | ---: | ---: | ---: |');
for (const [name, { calls, refused }] of [...reached].sort(([a], [b]) => (a < b ? -1 : 1)))
  console.log(`| ${name} | ${calls} | ${refused} | ${calls - refused} |`);
const never = [...reached].filter(([, { calls, refused }]) => calls === refused).map(([name]) => name);
if (reached.size === 0) console.log('✖ no call was counted');
for (const name of never) console.log(`✖ ${name} never went through`);
process.exitCode = outcome.success && reached.size > 0 && never.length === 0 ? 0 : 1;
