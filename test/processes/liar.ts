/**
 * Claims a bounty with somebody else's bundle, one word of it changed: what `fineproof claim` refuses to do. May be called again.
 * Arguments: package, run whose bundle it takes, store, `known` or `unknown` (whether anybody has the trace of the claimed root), nonce, --json.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keccak256, stringToHex, type Hex } from 'viem';
import { escrowOf } from '../../scripts/lib/bounties.ts';
import { openBundles } from '../../scripts/lib/bundles.ts';
import { withChain } from '../../scripts/lib/chain.ts';
import { describeError } from '../../scripts/lib/command.ts';
import { withEngine } from '../../scripts/lib/engine.ts';
import { signingAccount } from '../../scripts/lib/keys.ts';
import { verifierOf } from '../../scripts/lib/optimistic.ts';
import { openPackage } from '../../scripts/lib/package.ts';
import { bodyOf, readClaim, TRACE_FILE } from '../../scripts/lib/run-folder.ts';
import { nothingUnderWay } from '../../scripts/lib/sending.ts';
import { openTrace } from '../../scripts/lib/traces.ts';
import { wordHex } from '../../verifier/bounty.ts';
import { claimId, RULE } from '../../verifier/statement.ts';
import { readWord, writeWord } from '../../verifier/words.ts';

const [folder, run, store, trace, seed] = process.argv.slice(2) as [string, string, string, 'known' | 'unknown', string];
const file = (name: string): string => join(run, name);

async function lie(): Promise<object> {
  const account = await signingAccount();
  return withEngine('wasm', async (engine) => {
    const { bounty, posting } = await openPackage(folder, engine);
    const attested = bounty.terms.rule === RULE.attested;
    while (!existsSync(file('claim.json')) || !(attested || existsSync(file(TRACE_FILE)))) await sleep(50);
    const bytes = new Uint8Array(readFileSync(file('bundle.bin')));
    const word = bytes.length / 32 - 11;
    writeWord(bytes, word, readWord(bytes, word) ^ 1n);
    const nonce = keccak256(stringToHex(seed));
    const traceRoot = (): Hex | undefined => {
      if (attested) return undefined;
      if (trace === 'unknown') return keccak256(stringToHex(`trace ${seed}`));
      const { recorded } = verifierOf(bounty, engine);
      return wordHex(openTrace(new Uint8Array(readFileSync(file(TRACE_FILE))), recorded, TRACE_FILE, engine.keccak).tree.root);
    };
    const body = bodyOf({ ...readClaim(file('claim.json')), bundleRoot: openBundles(store).put(bytes), nonce }, [], traceRoot());
    const id = claimId(bounty.id, account.address, body);
    return withChain(process.env['FINEPROOF_RPC'] as string, async (chain) => {
      const escrow = await escrowOf(chain, undefined, posting);
      await nothingUnderWay(chain, account);
      const already = (await escrow.claimOf(id)).status !== 0;
      if (!already) await escrow.claim(account, bounty.terms, body);
      return { claim: id, already };
    });
  });
}

const said = await lie().catch((e: unknown) => {
  process.exitCode = 1;
  return { error: describeError(e) };
});
process.stdout.write(`${JSON.stringify(said)}\n`);
