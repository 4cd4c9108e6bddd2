/**
 * Compiles the contracts and writes their ABIs, bytecode and runtimes to `deploy/artifacts.ts`, so that services and the demo need no compiler.
 * With `--check`: writes nothing, and fails when the file is not what the sources give.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import hre from 'hardhat';
import { runtimeOf } from './lib/runtime.ts';

const target = fileURLToPath(new URL('../deploy/artifacts.ts', import.meta.url));
const contracts = [
  ['bountyEscrow', 'BountyEscrow'],
  ['commitmentRegistry', 'CommitmentRegistry'],
  ['fraudProof', 'FraudProof'],
  ['delivery', 'Delivery'],
  ['generators', 'Generators'],
] as const;

const check = process.argv.includes('--check');
await hre.tasks.getTask('build').run({ quiet: true, noTests: true });

let text =
  '/** ABIs, creation bytecode and runtimes of the contracts. Written by `npm run compile`; a test compares it with the sources. */\n';
for (const [name, contract] of contracts) {
  const artifact = await hre.artifacts.readArtifact(contract);
  const entries = artifact.abi.map(
    (entry: unknown) => `  ${JSON.stringify(entry, (key, value: unknown) => (key === 'internalType' ? undefined : value))},\n`,
  );
  text += `\nexport const ${name}Abi = [\n${entries.join('')}] as const;\n`;
  text += `\nexport const ${name}Bytecode =\n  '${artifact.bytecode}' as const;\n`;
  text += `\nexport const ${name}Runtime = ${JSON.stringify(runtimeOf(artifact))} as const;\n`;
}

const current = readCurrent();
if (text === current) {
  console.log('deploy/artifacts.ts is current');
} else if (check) {
  console.error('deploy/artifacts.ts is not what contracts/ compiles to; run: npm run compile');
  process.exitCode = 1;
} else {
  writeFileSync(`${target}.tmp`, text);
  renameSync(`${target}.tmp`, target);
  console.log('wrote deploy/artifacts.ts');
}

function readCurrent(): string {
  try {
    return readFileSync(target, 'utf8');
  } catch {
    return '';
  }
}
