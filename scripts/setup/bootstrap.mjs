/**
 * Runs a script of this repository under the Node 24 that its dependencies bring, installing them first where needed.
 * Plain JavaScript for Node >= 20: it is all that runs before Node 24 is there.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const modules = join(root, 'node_modules');
const windows = process.platform === 'win32';
const node24 = join(modules, 'node', 'bin', windows ? 'node.exe' : 'node');

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Why the dependencies can't be used as they are, or null. */
function installationFault() {
  const hidden = join(modules, '.package-lock.json');
  if (!existsSync(hidden)) return 'the dependencies are not installed yet';
  let wanted;
  let got;
  try {
    wanted = readJson(join(root, 'package-lock.json')).packages;
    got = readJson(hidden).packages;
  } catch {
    return 'the record of installed dependencies is damaged';
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.optional || entry.devOptional || entry.link) continue;
    if (got[path]?.version !== entry.version || got[path]?.integrity !== entry.integrity)
      return `${path} is not at version ${entry.version}`;
    if (!existsSync(join(root, path, 'package.json'))) return `${path} is missing`;
  }
  // Under Node < 22, npm leaves out Hardhat's native package without a word.
  const native = `edr-${process.platform}-${process.arch}`;
  const scope = join(modules, '@nomicfoundation');
  if (!existsSync(scope) || !readdirSync(scope).some((name) => name.startsWith(native))) return `@nomicfoundation/${native} is missing`;
  const probe = spawnSync(node24, ['--version'], { encoding: 'utf8' });
  if (probe.status !== 0 || !probe.stdout.startsWith('v24.')) return 'Node 24 is missing';
  return null;
}

/** Installs the locked dependencies if they are missing, outdated or broken; returns the seconds it took (0 if nothing was to do). */
function install() {
  const fault = installationFault();
  if (fault === null) return 0;
  const version = readJson(join(root, 'package.json')).dependencies.node;
  process.stderr.write(`Installing the dependencies (${fault}) …\n`);
  const start = performance.now();
  // All output goes to standard error: standard output is the script's.
  const args = ['--yes', '--loglevel=error', '-p', `node@${version}`, '--', 'npm', 'ci', '--loglevel=error', '--no-audit', '--no-fund'];
  const result = spawnSync(windows ? 'npx.cmd' : 'npx', args, { cwd: root, stdio: ['ignore', 2, 2], shell: windows });
  const left = result.status === 0 ? installationFault() : (result.error?.message ?? `npm ci ended with exit code ${result.status}`);
  if (left !== null) {
    process.stderr.write(
      `Installing failed: ${left}.\nCheck the network and try again, or run: npx --yes -p node@${version} -- npm ci --loglevel=error\n`,
    );
    process.exit(1);
  }
  const seconds = (performance.now() - start) / 1000;
  process.stderr.write(`Installed in ${seconds.toFixed(1)} s.\n`);
  return seconds;
}

/** Runs `script` (a path from the repository's root) with `args` in the current folder; ends this process with its exit code. */
export function run(script, args) {
  const installSeconds = install();
  const env = {
    ...process.env,
    PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH ?? ''}`,
    FINEPROOF_INSTALL_SECONDS: installSeconds.toFixed(1),
    // Halves what a command takes to start; also those that tests and the demo start.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(modules, '.cache', 'fineproof', 'compiled'),
  };
  const child = spawn(node24, [join(root, script), ...args], { stdio: 'inherit', env });
  // The terminal sends its signals to the child as well; this process only waits for the child's end.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
