/** What each party does, as an operator's script would: begun again from its top after every kill, since it remembers nothing. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from 'viem';
import { readPosting } from '../../scripts/lib/package.ts';
import type { Hex } from '../../verifier/input.ts';
import type { Eye, Seen, SeenClaim } from './eye.ts';
import { LIAR } from './fleet.ts';
import { Killed, Vanished, type Party, type Said } from './party.ts';
import type { Plan } from './plan.ts';

/** What the scripts of a trial share. */
export interface Scene {
  readonly plan: Plan;
  readonly eye: Eye;
  readonly escrow: Address;
  readonly model: string;
  readonly data: string;
  readonly package: string;
  readonly runFolder: string;
  readonly store: string;
  readonly records: string;
  readonly cursors: string;
  /** Folder of keepers. */
  readonly state: string;
  readonly verifiers: readonly Party[];
  /** Set when everything is paid out. */
  over: boolean;
}

const MINUTE = 60;
/** Seconds that a party waits for others to do what all may. */
const COURTESY = { attester: 3 * MINUTE, poster: 6 * MINUTE, anybody: 9 * MINUTE } as const;
const BOND = '0.5';
export const REWARD = '1';
const FEE = '0.01';

/** The bounty in the package, null until there is one. */
export const bountyIn = (folder: string): Hex | null => (existsSync(join(folder, 'bounty.json')) ? readPosting(folder).id : null);

const seen = async (scene: Scene): Promise<Seen | null> => {
  const id = bountyIn(scene.package);
  return id === null ? null : scene.eye.look(id);
};

/** Minutes of the terms: what has to be done in a window gets a long one, what only has to pass a short one. */
function windows({ rule, scenario, demands }: Plan): { window: number; answer: number } {
  if (scenario === 'false claim') return { window: 60, answer: 12 };
  if (scenario === 'unpublished') return { window: 12, answer: demands ? 240 : 12 };
  return { window: rule === 'optimistic' ? 12 : 60, answer: 12 };
}

function postArgs({ plan, ...scene }: Scene): string[] {
  const { window, answer } = windows(plan);
  return [
    ...['bounty', 'post', '--model', scene.model, '--data', scene.data, '--out', scene.package, '--rank', '2'],
    ...['--reward', REWARD, '--bond', BOND, '--claim-within', '6h', '--rule', plan.rule, '--window', `${window}m`],
    ...(plan.rule === 'optimistic'
      ? []
      : ['--attester-fee', FEE, '--threshold', String(plan.threshold), ...scene.verifiers.flatMap((v) => ['--attester', v.address])]),
    ...(plan.rule === 'attested' ? [] : ['--answer', `${answer}m`, '--react', '6m']),
  ];
}

/** Whether a claim may be accepted now. */
const acceptable = ({ plan }: Scene, s: Seen, claim: SeenClaim): boolean =>
  s.status === 'open' &&
  s.first === claim.id &&
  claim.status === 'pending' &&
  claim.openDemands === 0 &&
  (claim.attested || (plan.rule !== 'attested' && claim.deadline <= s.now));

/** Since when each acceptable claim has been waiting, for those who leave it to others first. */
const waiting = new WeakMap<Party, Map<Hex, number>>();
function patient(party: Party, claim: SeenClaim, now: number, courtesy: number): boolean {
  const since = waiting.get(party) ?? new Map<Hex, number>();
  waiting.set(party, since);
  if (!since.has(claim.id)) since.set(claim.id, now);
  return now - (since.get(claim.id) as number) >= courtesy;
}

/** Repeats `turn` until the trial is over; a kill begins it again, a party that vanishes ends it. */
async function live(scene: Scene, turn: () => Promise<void>): Promise<void> {
  while (!scene.over)
    try {
      await turn();
      await sleep(300);
    } catch (e) {
      if (e instanceof Vanished) return;
      if (!(e instanceof Killed)) throw e;
    }
}

/** Fetches what the party is owed, once the bounty has ended. */
async function withdraw(scene: Scene, party: Party): Promise<void> {
  const id = bountyIn(scene.package);
  const s = await seen(scene);
  if (id === null || s === null || (s.status !== 'paid' && s.status !== 'refunded')) return;
  const place = readPosting(scene.package).terms.signers.indexOf(party.address);
  const signed = (c: SeenClaim): boolean => place >= 0 && ((c.attesters >> place) & 1) === 1;
  const mine = s.claims.some((c) => (c.claimant === party.address && c.status === 'superseded') || (c.collectable && signed(c)));
  if (mine || ((await scene.eye.credit(party.address)) ?? 0n) > 0n) await party.run(['withdraw', '--bounty', id]);
}

/** Runs a service until it ends, the trial does, or what it serves is gone from the chain. */
async function served(scene: Scene, party: Party, args: readonly string[], gone: (s: Seen) => boolean = () => false): Promise<Said> {
  const service = await party.serve(args);
  const ended = service.ended.then(() => true);
  ended.catch(() => {});
  let stopped = false;
  while (!(await Promise.race([ended, sleep(500).then(() => false)]))) {
    const s = stopped ? null : await seen(scene);
    if (stopped || !(scene.over || (s !== null && gone(s)))) continue;
    stopped = true;
    service.stop();
  }
  return service.ended;
}

/** A keeper works until its bounty is over; a bounty or claim that a reorganisation took is for its owner to send again. */
const kept = (scene: Scene, party: Party, args: readonly string[], gone: (s: Seen) => boolean): Promise<Said> =>
  served(scene, party, [...args, '--every', '2s', '--state', scene.state], gone);

const ok = (said: Said): boolean => said.code === 0;

export const poster = (scene: Scene, party: Party): Promise<void> =>
  live(scene, async () => {
    if (!ok(await party.run(postArgs(scene)))) return;
    const id = bountyIn(scene.package) as Hex;
    if (scene.plan.keepers) {
      await kept(scene, party, ['keep', 'poster', scene.package], (s) => s.status === 'none');
      return;
    }
    for (;;) {
      const s = await seen(scene);
      if (scene.over || s?.status === 'none') return;
      if (s?.status === 'open') {
        const claim = s.claims.find((c) => acceptable(scene, s, c));
        // A poster who wants his books closed makes the calls that are open to anybody.
        if (claim !== undefined && patient(party, claim, s.now, COURTESY.poster)) await party.run(['accept', claim.id]);
        else if (s.claims.some((c) => c.openDemands > 0)) await party.run(['settle', id]);
        else if (s.now >= claimBy(scene) && s.claims.every((c) => c.status !== 'pending' || c.deadline <= s.now))
          await party.run(['bounty', 'refund', id]);
      }
      await withdraw(scene, party);
      await sleep(500);
    }
  });

const claimBy = (scene: Scene): number => Number(readPosting(scene.package).terms.claimBy);

export const contributor = (scene: Scene, party: Party): Promise<void> => {
  const { plan } = scene;
  return live(scene, async () => {
    const s = await seen(scene);
    if (s?.status !== 'open') {
      await withdraw(scene, party);
      return;
    }
    if (!ok(await party.run(['train', scene.package, '--out', scene.runFolder]))) return;
    const publish = plan.scenario === 'unpublished' ? [] : ['--publish'];
    const claimed = await party.run(['claim', scene.runFolder, '--package', scene.package, ...publish, '--store', scene.store]);
    if (!ok(claimed)) return;
    if (plan.keepers) {
      const claim = claimed.json['claim'];
      const keeper = ['keep', 'contributor', scene.runFolder, '--package', scene.package];
      await kept(scene, party, keeper, (now) => now.status === 'open' && now.claims.every((c) => c.id !== claim));
      return;
    }
    const answers =
      plan.rule === 'attested' || !plan.demands
        ? null
        : await party.serve(['answer', scene.runFolder, '--package', scene.package, '--watch', '--every', '2s']);
    let down = false;
    answers?.ended.catch(() => {}).finally(() => (down = true));
    try {
      for (;;) {
        const now = await seen(scene);
        const own = now?.claims.find((c) => c.id === claimed.json['claim']);
        // Whoever answers was killed, or gave up: all begins again, as under a supervisor.
        if (scene.over || down) return;
        // Paid, refunded, or the chain has forgotten the claim.
        if (now !== null && (now.status !== 'open' || own === undefined)) return;
        if (now !== null && own !== undefined && acceptable(scene, now, own)) await party.run(['accept', own.id]);
        const head = now?.claims.find((c) => c.id === now.first);
        // A claim before it that nobody judged in time.
        if (plan.rule === 'attested' && head?.status === 'pending' && !head.attested && head.deadline <= (now?.now ?? 0))
          await party.run(['settle', bountyIn(scene.package) as Hex]);
        await sleep(500);
      }
    } finally {
      answers?.stop();
      // A kill of the party is heard of by whatever it runs next.
      await answers?.ended.catch(() => {});
    }
  });
};

/** An attester's service, and his second duty: to see to it that what he found valid is paid, for the fee. */
export function verifier(scene: Scene, party: Party): Promise<void>[] {
  const { rule } = scene.plan;
  if (rule === 'optimistic') return [];
  const service = live(scene, async () => {
    if ((await seen(scene))?.status !== 'open') return;
    const watch = ['attest', scene.package, '--watch', '--every', '2s', '--records', scene.records, '--store', scene.store];
    const said = await served(scene, party, watch);
    if (scene.over && said.code !== 0) throw new Error(`${party.name}: the service ended with ${said.code}`);
  });
  const duties = live(scene, async () => {
    const s = await seen(scene);
    const claim = s?.claims.find((c) => acceptable(scene, s, c) && c.attested);
    // The second one leaves it to the first.
    const courtesy = COURTESY.attester + (party === scene.verifiers[0] ? 0 : MINUTE);
    if (s !== null && claim !== undefined && patient(party, claim, s.now, courtesy)) await party.run(['accept', claim.id]);
    await withdraw(scene, party);
  });
  return [service, duties];
}

export function watchtower(scene: Scene, party: Party): Promise<void>[] {
  const { rule, demands } = scene.plan;
  if (rule === 'attested') return [];
  const service = live(scene, async () => {
    if ((await seen(scene))?.status !== 'open') {
      await withdraw(scene, party);
      return;
    }
    const spend = demands ? ['--demand-up-to', '0.4'] : [];
    // It ends when the bounty has.
    await served(scene, party, ['watch', scene.package, '--store', scene.store, '--cursors', scene.cursors, '--every', '2s', ...spend]);
  });
  // Whoever passes by may end what nobody else does.
  const duties = live(scene, async () => {
    const s = await seen(scene);
    const claim = s?.claims.find((c) => acceptable(scene, s, c));
    if (s !== null && claim !== undefined && patient(party, claim, s.now, COURTESY.anybody)) await party.run(['accept', claim.id]);
  });
  return [service, duties];
}

export const liar = (scene: Scene, party: Party): Promise<void> => {
  const { traceKnown, run } = scene.plan;
  return live(scene, async () => {
    const s = await seen(scene);
    if (s?.status === 'open' && !s.claims.some((c) => c.claimant === party.address))
      await party.run([scene.package, scene.runFolder, scene.store, traceKnown ? 'known' : 'unknown', `lie ${run}`], LIAR);
    else await withdraw(scene, party);
  });
};
