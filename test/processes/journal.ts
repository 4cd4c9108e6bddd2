/**
 * A chain's journal: one line a record, appended and flushed to the disk before anybody hears of what it says. A line that a kill cut short is dropped
 * when the journal is opened, since nobody has heard of that either.
 */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';

const hex = z.string().regex(/^0x([0-9a-f]{2})+$/);
const recordSchema = z.union([
  z.strictObject({ genesis: z.int() }),
  /** A transaction that the pool took. */
  z.strictObject({ pooled: hex }),
  /** A block, its transactions in order. */
  z.strictObject({ block: z.int(), time: z.int(), hash: hex, transactions: z.array(hex) }),
  /** Blocks from this number on are no longer of the chain: a reorganisation. */
  z.strictObject({ dropped: z.int() }),
]);

export type JournalRecord = z.infer<typeof recordSchema>;
export type BlockRecord = Extract<JournalRecord, { block: number }>;

export interface Journal {
  /** What was there when it was opened. */
  readonly records: readonly JournalRecord[];
  append(record: JournalRecord): void;
  close(): void;
}

/** The records of whole lines, and how many bytes they take. */
function wholeLines(path: string): { records: JournalRecord[]; bytes: number } {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const records = whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => recordSchema.parse(JSON.parse(line)));
  return { records, bytes: Buffer.byteLength(whole) };
}

/** Reads a journal that another process may be writing. */
export const readJournal = (path: string): readonly JournalRecord[] => wholeLines(path).records;

export function openJournal(path: string): Journal {
  const { records, bytes } = wholeLines(path);
  const fd = openSync(path, existsSync(path) ? 'r+' : 'w+');
  ftruncateSync(fd, bytes);
  let at = bytes;
  return {
    records,
    append(record) {
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      for (let done = 0; done < line.length;) done += writeSync(fd, line, done, line.length - done, at + done);
      at += line.length;
      fsyncSync(fd);
    },
    close: () => closeSync(fd),
  };
}

/** Blocks of the chain that a journal tells, and pooled transactions that none of them has. */
export function chainOf(records: readonly JournalRecord[]): { genesis: number | null; blocks: BlockRecord[]; pool: string[] } {
  let genesis: number | null = null;
  const blocks: BlockRecord[] = [];
  const pool = new Set<string>();
  for (const record of records)
    if ('genesis' in record) genesis = record.genesis;
    else if ('pooled' in record) pool.add(record.pooled);
    else if ('dropped' in record) blocks.splice(record.dropped - 1);
    else blocks.push(record);
  for (const { transactions } of blocks) for (const raw of transactions) pool.delete(raw);
  return { genesis, blocks, pool: [...pool] };
}
