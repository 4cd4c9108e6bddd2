/** The chain's process: killed as the plan says, and started again on its journal, until the trial is over. */
import { readFileSync, watch } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHAIN, start, type Running } from './fleet.ts';
import { FINALITY, type ChainKill, type ChainTrigger } from './plan.ts';

/** Not the local chain's number: commands treat this one as any chain, and wait for blocks that come by themselves. */
export const CHAIN_ID = 1337;
const GENESIS = Date.UTC(2026, 0, 1) / 1000;
/** Milliseconds a block, unless told otherwise, and seconds of the chain's time: a minute of the chain a second. */
export const TICK = 200;
export const STEP = 12;

const freePort = (): Promise<number> =>
  new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });

export interface ChainLife {
  readonly url: string;
  readonly kills: { readonly trigger: ChainTrigger; readonly reorg: number }[];
  /** Why it could not be started again, if it could not. */
  failed(): string | null;
  /** Kills it if that is what the plan has for this moment. */
  strike(at: ChainTrigger['at']): boolean;
  /** No more kills. */
  calm(): void;
  /** Seconds of the chain's time a block. */
  pace(step: number): Promise<void>;
  end(): Promise<void>;
}

export async function startChain(journal: string, pool: 'kept' | 'lost', planned: readonly ChainKill[], tick = TICK): Promise<ChainLife> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let left = [...planned];
  let step = STEP;
  let ending = false;
  let up = false;
  let failure: string | null = null;
  let process_: Running;
  const kills: ChainLife['kills'] = [];

  async function launch(reorg: number): Promise<void> {
    process_ = start(CHAIN, [], {
      CHAIN_JOURNAL: journal,
      CHAIN_PORT: String(port),
      CHAIN_ID: String(CHAIN_ID),
      CHAIN_GENESIS: String(GENESIS),
      CHAIN_TICK: String(tick),
      CHAIN_STEP: String(step),
      CHAIN_FINALITY: String(FINALITY),
      CHAIN_REORG: String(reorg),
      CHAIN_POOL: pool,
    });
    const own = process_;
    let ended = false;
    void own.ended.then(({ code, err }) => {
      ended = true;
      if (own === process_ && up && !ending) failure = `the chain ended by itself with ${code}: ${err}`;
    });
    while (!own.out().includes('ready')) {
      if (ended) throw new Error(`the chain did not start: ${(await own.ended).err}`);
      await sleep(20);
    }
    up = true;
    const next = left[0]?.trigger;
    if (next?.at === 'time') setTimeout(() => own === process_ && strike('time'), next.ms).unref();
  }

  function strike(at: ChainTrigger['at']): boolean {
    const next = left[0];
    if (!up || ending || next?.trigger.at !== at) return false;
    left = left.slice(1);
    up = false;
    kills.push({ trigger: next.trigger, reorg: next.reorg });
    process_.kill('SIGKILL');
    void process_.ended
      .then(() => sleep(next.down))
      .then(() => (ending ? undefined : launch(next.reorg)))
      .catch((e: unknown) => (failure = String(e)));
    return true;
  }

  await launch(0);
  const watcher = watch(journal, () => void strike('journal'));
  return {
    url,
    kills,
    failed: () => failure,
    strike,
    calm: () => void (left = []),
    async pace(to) {
      if (to === step) return;
      await fetch(url, { method: 'POST', body: JSON.stringify({ id: 1, method: 'fineproof_step', params: [to] }) });
      step = to;
    },
    async end() {
      ending = true;
      watcher.close();
      process_.kill('SIGKILL');
      await process_.ended;
    },
  };
}

/** Bytes of a journal, to begin other chains with. */
export const journalBytes = (path: string): Uint8Array => readFileSync(path);
