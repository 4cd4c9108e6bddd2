/** `npm run bench -- <name> [--json]`: the benches, one module each under scripts/bench. */
const BENCHES: Readonly<Record<string, () => Promise<{ bench(args: readonly string[]): Promise<void> }>>> = {
  kernels: () => import('./bench/kernels.ts'),
};

const [name, ...args] = process.argv.slice(2);
const load = name === undefined ? undefined : BENCHES[name];
if (load === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(BENCHES).join(' | ')}> [--json]`);
  process.exit(2);
}
await (await load()).bench(args);
