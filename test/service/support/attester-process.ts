/** Processes for the tests of decisions: `sign FOLDER` stops where it would sign; `decide FOLDER VALID COUNT` decides claims one after the other. */
import { judge } from '../../../scripts/lib/attester.ts';
import { decide } from '../../../scripts/lib/verdict-records.ts';
import { DecodeError } from '../../../verifier/wire.ts';
import { attester, claim, signer } from './attester.ts';

const [what, folder, valid, count] = process.argv.slice(2) as [string, string, string, string];
if (what === 'sign') {
  const own = attester(folder, new DecodeError('proof 1: truncated'));
  const waits = {
    ...signer,
    async signTypedData(): Promise<never> {
      process.stdout.write('signing\n');
      return new Promise<never>(() => {});
    },
  };
  setInterval(() => {}, 1000);
  await judge({ ...own, signer: waits as typeof signer }, claim);
} else {
  const won: number[] = [];
  process.stdout.write('ready\n');
  await new Promise<void>((done) => process.stdin.once('data', () => done()));
  for (let i = 0; i < Number(count); i++) {
    const id = `0x${i.toString(16).padStart(64, '0')}` as const;
    try {
      decide(folder, signer.address, { version: 1, claim: id, valid: valid === 'true', expiry: 9, reason: 'raced' });
      won.push(i);
    } catch (e) {
      if (!/a second verdict is never signed/.test(String(e))) throw e;
    }
  }
  process.stdout.write(`${JSON.stringify(won)}\n`);
  process.exit();
}
