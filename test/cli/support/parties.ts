/** Commands as the accounts of a local chain give them, and what they must say. */
import assert from 'node:assert/strict';
import { toHex } from 'viem';
import { localAccount } from '../../../scripts/lib/local-chain.ts';
import { fineproofJson } from './fineproof.ts';

type Environment = Record<string, string>;

/** Private key of a local account. */
const keyOf = (account: number): string => toHex(localAccount(account).getHdKey().privateKey as Uint8Array);

/** `environment` is asked at every command, since suites know it only once their chain runs. */
export function parties(environment: () => Environment) {
  /** The environment of an account, or of nobody. */
  const as = (account?: number): Environment =>
    account === undefined ? environment() : { ...environment(), FINEPROOF_PRIVATE_KEY: keyOf(account) };
  return {
    as,
    /** Runs a command that must succeed. */
    async ok(args: readonly string[], account?: number): Promise<Record<string, unknown>> {
      const { code, json, err } = await fineproofJson(args, as(account));
      assert.equal(code, 0, `${args.join(' ')}: ${JSON.stringify(json)} ${err}`);
      return json;
    },
    /** Runs a command that must be refused for this reason. */
    async refused(args: readonly string[], pattern: RegExp, account?: number): Promise<void> {
      const { code, json } = await fineproofJson(args, as(account));
      assert.equal(code, 1, args.join(' '));
      assert.match((json['error'] as { message: string }).message, pattern);
    },
  };
}
