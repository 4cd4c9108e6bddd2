/** A party: commands under one key, killed as the plan says. A kill ends all that the party runs at the time, as the end of its machine would. */
import { setTimeout as sleep } from 'node:timers/promises';
import { toHex, type Address } from 'viem';
import { localAccount } from '../../scripts/lib/local-chain.ts';
import { CLI, start, type Running } from './fleet.ts';
import { openGate, type Gate } from './gate.ts';
import type { ChainLife } from './chain.ts';
import type { Kill, Trigger } from './plan.ts';

/** The party was killed; its script begins again. */
export class Killed extends Error {}
/** It never comes back. */
export class Vanished extends Error {}

export interface Said {
  readonly code: number | null;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface KillRecord {
  readonly party: string;
  readonly trigger: Trigger['at'];
  /** The commands that were running. */
  readonly during: readonly string[];
}

/** What all parties write to. */
export interface Log {
  readonly kills: KillRecord[];
  /** Numbers of the processes that kills ended. */
  readonly killed: Set<number>;
  /** Signed transactions that reached the gate, and whether the node took them. */
  readonly signed: { readonly from: Address; readonly raw: string; taken: boolean }[];
  /** Commands that failed, by party and message. */
  readonly errors: { readonly party: string; readonly command: string; readonly message: string }[];
  /** Outcomes that no command may have. */
  readonly faults: string[];
  note(text: string): void;
}

export class Party {
  readonly name: string;
  readonly address: Address;
  vanished = false;
  readonly #log: Log;
  readonly #env: Readonly<Record<string, string>>;
  readonly #gate: Gate;
  readonly #running = new Map<Running, string>();
  #kills: readonly Kill<Trigger>[];
  #lives = 0;
  #downUntil = 0;

  private constructor(
    name: string,
    account: number,
    env: Readonly<Record<string, string>>,
    gate: Gate,
    kills: readonly Kill<Trigger>[],
    log: Log,
  ) {
    this.name = name;
    this.address = localAccount(account).address;
    this.#env = {
      ...env,
      FINEPROOF_PRIVATE_KEY: toHex(localAccount(account).getHdKey().privateKey as Uint8Array),
      FINEPROOF_RPC: gate.url,
    };
    this.#gate = gate;
    this.#kills = kills;
    this.#log = log;
  }

  /** `neverSends`: it vanishes for good with its first transaction signed, at the latest. */
  static async open(
    name: string,
    account: number,
    env: Readonly<Record<string, string>>,
    chain: ChainLife,
    kills: readonly Kill<Trigger>[],
    log: Log,
    neverSends: boolean,
  ): Promise<Party> {
    const made: { party?: Party } = {};
    const strike = (at: Trigger['at']): boolean => made.party?.strike(at) ?? false;
    const gate = await openGate(chain.url, {
      signed(raw) {
        log.signed.push({ from: localAccount(account).address, raw, taken: false });
        if (neverSends) made.party?.vanish();
        return neverSends || strike('signed') || chain.strike('signed') ? 'cut' : 'pass';
      },
      taken(raw) {
        for (const entry of log.signed) if (entry.raw === raw) entry.taken = true;
        return strike('sent') || chain.strike('sent') ? 'cut' : 'pass';
      },
      told() {
        const next = made.party?.next();
        if (next?.at === 'told') setTimeout(() => strike('told'), next.ms).unref();
      },
    });
    return (made.party = new Party(name, account, env, gate, kills, log));
  }

  /** What kills it next. */
  next(): Trigger | undefined {
    return this.#kills[0]?.trigger;
  }

  /** Kills left. */
  get left(): number {
    return this.#kills.length;
  }

  /** A file of the party is being written. */
  writes(name: string): void {
    const next = this.next();
    if (next?.at === 'file' && name.includes(next.part)) this.strike('file');
  }

  /** Kills all that it runs if that is what the plan has for this moment. */
  strike(at: Trigger['at']): boolean {
    const next = this.#kills[0];
    if (next?.trigger.at !== at || this.#running.size === 0) return false;
    this.#kills = this.#kills.slice(1);
    this.#end(at, next.down);
    return true;
  }

  #end(at: Trigger['at'], down: number): void {
    this.#log.kills.push({ party: this.name, trigger: at, during: [...this.#running.values()] });
    this.#log.note(`${this.name} killed (${at}) during ${[...this.#running.values()].join(', ') || 'nothing'}`);
    this.#lives++;
    this.#downUntil = performance.now() + down;
    for (const child of this.#running.keys()) {
      if (child.pid !== undefined) this.#log.killed.add(child.pid);
      child.kill('SIGKILL');
    }
  }

  /** The last kill: whatever it runs ends, and nothing is started any more. */
  vanish(): void {
    if (this.vanished) return;
    this.vanished = true;
    this.#end('time', 0);
  }

  calm(): void {
    this.#kills = [];
  }

  /** Runs a command with --json to its end. Throws Killed, Vanished. */
  async run(args: readonly string[], script = CLI): Promise<Said> {
    const service = await this.serve(args, script);
    return service.ended;
  }

  /** Starts a command with --json; `ended` throws Killed, Vanished. */
  async serve(args: readonly string[], script = CLI): Promise<{ readonly ended: Promise<Said>; stop(): void }> {
    const wait = this.#downUntil - performance.now();
    if (wait > 0) await sleep(wait);
    if (this.vanished) throw new Vanished();
    const life = this.#lives;
    const command = args.slice(0, args[0] === 'bounty' ? 2 : 1).join(' ');
    const child = start(script, [...args, '--json'], this.#env);
    this.#running.set(child, command);
    const next = this.next();
    if (next?.at === 'time') setTimeout(() => this.#lives === life && this.strike('time'), next.ms).unref();
    let stopped = false;
    const ended = child.ended.then(({ code, out, err }): Said => {
      this.#running.delete(child);
      if (this.vanished) throw new Vanished();
      if (life !== this.#lives) throw new Killed();
      // It had not come so far as to hear the signal.
      if (stopped && code === null) return { code: 0, json: {} };
      let json: Record<string, unknown> = {};
      try {
        json = JSON.parse(out) as Record<string, unknown>;
      } catch {
        this.#log.faults.push(`${this.name}: ${command} ended with ${code} and no JSON: ${out.slice(0, 300)} ${err.slice(-1000)}`);
      }
      if (code !== 0) {
        const message = (json['error'] as { message?: string } | undefined)?.message ?? `exit code ${code}`;
        this.#log.errors.push({ party: this.name, command, message });
        this.#log.note(`${this.name}: ${command} failed: ${message.slice(0, 200)}`);
      }
      return { code, json };
    });
    // Whoever awaits it hears of its end.
    ended.catch(() => {});
    const stop = (): void => {
      stopped = true;
      child.kill('SIGTERM');
    };
    return { ended, stop };
  }

  close(): void {
    for (const child of this.#running.keys()) child.kill('SIGKILL');
    this.#gate.close();
  }
}
