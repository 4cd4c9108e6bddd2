/** One trial: a bounty from its posting to the last withdrawal, with chain, poster, contributor, verifiers and watchtower in processes that are killed. */
import { mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from 'viem';
import { lock } from '../../scripts/lib/service/lock.ts';
import type { Hex } from '../../verifier/input.ts';
import { startChain, STEP, type ChainLife } from './chain.ts';
import { openEye, type Seen } from './eye.ts';
import { readFacts, type Facts } from './facts.ts';
import { judge, type Case, type Judged } from './judge.ts';
import type { Material } from './material.ts';
import { Party, type KillRecord, type Log } from './party.ts';
import { PARTIES, type PartyName, type Plan } from './plan.ts';
import { bountyIn, contributor, liar, poster, verifier, watchtower, type Scene } from './scripts.ts';

export interface TrialResult {
  readonly plan: Plan;
  readonly seconds: number;
  readonly judged: Judged;
  /** What it was judged by. */
  readonly facts: Facts;
  readonly tried: Case;
  readonly vanished: boolean;
  readonly kills: readonly KillRecord[];
  readonly chainKills: ChainLife['kills'];
  readonly errors: Log['errors'];
  readonly faults: readonly string[];
}

const ACCOUNTS: Readonly<Record<PartyName | 'liar', number>> = {
  poster: 1,
  contributor: 2,
  verifier: 3,
  'second verifier': 4,
  watchtower: 5,
  liar: 6,
};

/** Milliseconds of kills; then everything is left to come to its end, within the longest time of a trial. */
const CHAOS = 120_000;
const LONGEST = 600_000;
/** The chain's pace when there is nothing to do but to wait: four minutes a block. */
const FAST = 240;

const live = new Set<Seen['claims'][number]['status']>(['pending', 'accepted', 'revealed']);

/** What is wrong about locks at the end: one stays where a kill was its holder's end for good, for the next one to take over; no other does. */
const locksLeft = (folder: string, killed: ReadonlySet<number>): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.lock'))
    .flatMap((name) => {
      const path = join(folder, name);
      const { pid } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number };
      if (!killed.has(pid)) return [`${name}: left by process ${pid}, which nobody killed`];
      try {
        lock(path, 'the work')();
        return [];
      } catch (e) {
        return [`${name}: cannot be taken over: ${(e as Error).message}`];
      }
    });

/** Files that a killed process left half written: they bear no name that anything reads. */
const leftovers = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /^\..+\.[0-9a-f]{12}$/.test(basename(name)));

export async function runTrial(plan: Plan, material: Material, folder: string, note: (text: string) => void): Promise<TrialResult> {
  const begin = performance.now();
  const at = (...names: readonly string[]): string => join(folder, ...names);
  mkdirSync(at('package'), { recursive: true });
  for (const name of ['run', 'records', 'cursors', 'state', 'store']) mkdirSync(at(name));
  writeFileSync(at('chain.journal'), material.journal);
  const log: Log = {
    kills: [],
    signed: [],
    errors: [],
    faults: [],
    killed: new Set(),
    note: (text) => note(`${((performance.now() - begin) / 1000).toFixed(1)} s: ${text}`),
  };
  const chain = await startChain(at('chain.journal'), plan.pool, plan.chainKills, material.tick);
  const env = { FINEPROOF_ESCROW: material.escrow };
  // Who vanishes before the claim never comes to send it, even where no kill of his came in time.
  const never = (name: string): boolean => name === 'contributor' && plan.scenario === 'vanishes before the claim';
  const open = (name: PartyName | 'liar'): Promise<Party> =>
    Party.open(name, ACCOUNTS[name], env, chain, name === 'liar' ? [] : plan.kills[name], log, never(name));
  const people: Record<PartyName | 'liar', Party> = Object.fromEntries(
    await Promise.all([...PARTIES, 'liar' as const].map(async (name) => [name, await open(name)] as const)),
  ) as Record<PartyName | 'liar', Party>;
  const everybody = Object.values(people);
  const verifiers = [people.verifier, people['second verifier']].slice(0, plan.attesters);
  const eye = openEye(chain.url, material.escrow);
  const scene: Scene = {
    plan,
    eye,
    escrow: material.escrow,
    model: material.model,
    data: material.data,
    package: at('package'),
    runFolder: at('run'),
    store: at('store'),
    records: at('records'),
    cursors: at('cursors'),
    state: at('state'),
    verifiers,
    over: false,
  };
  // One watcher a folder: a recursive one is late, and misses files.
  const byFolder: Readonly<Record<string, (file: string) => void>> = {
    package: (file) => people.poster.writes(file),
    run: (file) => people.contributor.writes(file),
    state: (file) => (file.includes('poster-') ? people.poster : people.contributor).writes(file),
    cursors: (file) => people.watchtower.writes(file),
    records: (file) => verifiers.filter((v) => file.includes(v.address.toLowerCase())).forEach((v) => v.writes(file)),
  };
  const watchers = Object.entries(byFolder).map(([name, writes]) =>
    watch(at(name), (_event, file) => void (file !== null && writes(file))),
  );
  const failures: string[] = [];
  const scripts = [
    poster(scene, people.poster),
    contributor(scene, people.contributor),
    ...verifiers.flatMap((v) => verifier(scene, v)),
    ...watchtower(scene, people.watchtower),
    ...(plan.scenario === 'false claim' ? [liar(scene, people.liar)] : []),
  ].map((script) => script.catch((e: unknown) => void failures.push(e instanceof Error ? (e.stack ?? e.message) : String(e))));

  try {
    await attend(plan, scene, chain, people, log, failures, begin);
    scene.over = true;
    await Promise.race([Promise.all(scripts), sleep(120_000, undefined, { ref: false }).then(() => failures.push('a script did not end'))]);
    const address = (name: PartyName | 'liar'): Address => people[name].address;
    const facts = await readFacts(
      chain.url,
      material.escrow,
      everybody.map((party) => party.address),
    );
    const tried: Case = {
      ...{ plan, escrow: material.escrow, bounty: bountyIn(at('package')) as Hex },
      ...{ poster: address('poster'), contributor: address('contributor'), liar: address('liar') },
      ...{ vanished: people.contributor.vanished, signed: log.signed },
    };
    const judged = judge(facts, tried);
    // Now and then, since it verifies everything again.
    if (plan.scenario !== 'unpublished' && plan.run % 4 === 0)
      failures.push(...(await audited(scene, people.poster, people.contributor, judged)));
    failures.push(...[at('records'), at('state')].flatMap((own) => locksLeft(own, log.killed)));
    const left = leftovers(folder);
    if (left.length > 0) log.note(`left by kills: ${left.join(', ')}`);
    const seconds = (performance.now() - begin) / 1000;
    const faults = [...failures, ...log.faults, ...judged.faults];
    return {
      plan,
      seconds,
      judged,
      facts,
      tried,
      vanished: people.contributor.vanished,
      kills: log.kills,
      chainKills: chain.kills,
      errors: log.errors,
      faults,
    };
  } finally {
    scene.over = true;
    for (const watcher of watchers) watcher.close();
    for (const party of everybody) party.close();
    await chain.end();
  }
}

/** Until the bounty has ended for good and all money has left the escrow. */
async function attend(
  plan: Plan,
  scene: Scene,
  chain: ChainLife,
  people: Record<PartyName | 'liar', Party>,
  log: Log,
  failures: string[],
  begin: number,
): Promise<void> {
  let calm = false;
  let heir: Promise<unknown> | null = null;
  let claimedAt: number | null = null;
  for (;;) {
    await sleep(250);
    const passed = performance.now() - begin;
    const failed = chain.failed();
    if (failed !== null) failures.push(failed);
    if (failures.length > 0) return;
    if (passed > LONGEST) {
      failures.push(`not over after ${LONGEST / 1000} s`);
      return;
    }
    if (!calm && passed > CHAOS) {
      calm = true;
      chain.calm();
      for (const party of Object.values(people)) party.calm();
    }
    const id = bountyIn(scene.package);
    const s = id === null ? null : await scene.eye.look(id);
    if (s === null) continue;
    if ((s.final === 'paid' || s.final === 'refunded') && s.held[0] === 0n && s.held[1] === 0n) return;

    const own = s.claims.find((c) => c.claimant === people.contributor.address);
    // The last of his kills is the end of a contributor who vanishes before the claim; who vanishes later does so a while after it.
    if (
      plan.scenario === 'vanishes before the claim' &&
      own === undefined &&
      people.contributor.left === 0 &&
      plan.kills.contributor.length > 0 &&
      !calm
    )
      people.contributor.vanish();
    if (plan.scenario === 'vanishes after the claim' && own !== undefined) {
      claimedAt ??= passed;
      if (passed - claimedAt > 400 * plan.kills.contributor.length) people.contributor.vanish();
    }
    const { contributor: c } = people;
    const credit = c.vanished && (s.status === 'paid' || s.status === 'refunded') ? await scene.eye.credit(c.address) : 0n;
    if ((credit ?? 0n) > 0n && heir === null) heir = inherit(scene, chain, log).finally(() => (heir = null));
    const idle = s.status === 'open' && !s.claims.some((x) => live.has(x.status)) && (c.vanished || own !== undefined);
    await chain.pace(idle ? FAST : STEP).catch(() => {});
  }
}

/** What an auditor sees otherwise: he verifies every bundle again, from the published files. */
async function audited(scene: Scene, auditor: Party, contributor: Party, { outcome }: Judged): Promise<string[]> {
  const { json } = await auditor.run(['audit', scene.package, '--store', scene.store]);
  const claims = (json['claims'] ?? []) as readonly { readonly claimant: string; readonly valid: boolean | null }[];
  const agrees = json['ok'] === true && json['status'] === outcome && claims.every((c) => c.valid === (c.claimant === contributor.address));
  return agrees ? [] : [`the audit says ${JSON.stringify(json).slice(0, 1000)}`];
}

/** Somebody with the contributor's key, on another machine, fetches what he is owed. */
async function inherit(scene: Scene, chain: ChainLife, log: Log): Promise<void> {
  const heir = await Party.open('heir', ACCOUNTS.contributor, { FINEPROOF_ESCROW: scene.escrow }, chain, [], log, false);
  try {
    await heir.run(['withdraw', '--bounty', bountyIn(scene.package) as Hex]);
  } finally {
    heir.close();
  }
}
