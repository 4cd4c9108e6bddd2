import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../../verifier/input.ts';
import { action, example, table } from '../lib/command.ts';
import { decodeKey, encodeKey, loadKey, LOSING_D, makeKeyFile, pointJson, writeNew } from '../lib/delivery/key-file.ts';
import { decodeSecrets, SECRETS_NAME } from '../lib/delivery/secrets.ts';
import { decodeVault, encodeVault, MAX_VAULT, type VaultItem } from '../lib/delivery/vault.ts';
import { readBounded } from '../lib/files.ts';
import { repeated } from '../lib/options.ts';
import { decryptSecret, encryptSecret, isEncrypted, loadSecret, newPassphrase, passphrase } from '../lib/secrets.ts';

function newCommand(): Command {
  const command = new Command('new')
    .description('draw a delivery key d and write it to a file of mode 0600; its public part D goes into the terms')
    .requiredOption('--out <file>', 'file to make; one that exists is never written over')
    .option('--encrypt', 'encrypt it (FINEPROOF_PASSPHRASE, or asked for)');
  example(command, 'fineproof keys new --out delivery.key --encrypt\n  fineproof keys show delivery.key > delivery.pub.json');
  return action<{ readonly out: string; readonly encrypt?: true }>(command, async (_args, { out, encrypt }) => {
    const word = encrypt === true ? await newPassphrase('Passphrase for the key: ') : undefined;
    const { point } = makeKeyFile(out, word);
    return {
      json: { file: out, encrypted: encrypt === true, deliveryKey: pointJson(point), warning: LOSING_D },
      text: `${table([
        ['key', out],
        ['public part', JSON.stringify(pointJson(point))],
      ])}\n${LOSING_D}`,
    };
  });
}

function showCommand(): Command {
  const command = new Command('show')
    .description('print the public part of a delivery key as JSON, what `bounty post --delivery-key` reads')
    .argument('<file>', 'file of `keys new`');
  example(command, 'fineproof keys show delivery.key > delivery.pub.json');
  return action<object>(command, async ([file]) => {
    const json = pointJson((await loadKey(file as string)).point);
    return { json, text: JSON.stringify(json) };
  });
}

interface ExportOptions {
  readonly key?: readonly string[];
  readonly run?: readonly string[];
  readonly opening?: readonly string[];
}

async function itemsOf({ key = [], run = [], opening = [] }: ExportOptions): Promise<VaultItem[]> {
  const items: VaultItem[] = [];
  for (const file of key) items.push({ kind: 'delivery-key', name: basename(file), bytes: encodeKey(await loadKey(file)) });
  for (const folder of run) {
    let names: string[];
    try {
      names = readdirSync(folder).filter((name) => SECRETS_NAME.test(name));
    } catch {
      throw new InputError(folder, '', 'cannot be read', 'give the folder of a run');
    }
    if (names.length === 0) throw new InputError(folder, '', 'holds no secrets of a delivery', 'train a bounty with delivery first');
    for (const name of names.sort()) {
      const bytes = await loadSecret(join(folder, name), 4096);
      decodeSecrets(bytes, name);
      items.push({ kind: 'delivery-secrets', name, bytes });
    }
  }
  for (const file of opening) items.push({ kind: 'opening', name: basename(file), bytes: await loadSecret(file, MAX_VAULT) });
  return items;
}

const shown = ({ kind, name, bytes }: VaultItem): Record<string, unknown> => ({ kind, name, bytes: bytes.length });

function exportCommand(): Command {
  const command = new Command('export')
    .description('put secrets into one encrypted file, to move them to another machine or to keep a copy')
    .argument('<file>', 'file to make; one that exists is never written over')
    .option('--key <file>', 'delivery key of a poster; may be repeated', repeated)
    .option('--run <folder>', 'run of a contributor: K and e of its claims; may be repeated', repeated)
    .option('--opening <file>', 'opening of a hidden card; may be repeated', repeated);
  example(command, 'fineproof keys export backup.vault --key delivery.key --run run/ --opening model/model.opening');
  return action<ExportOptions>(command, async ([file], options) => {
    const items = await itemsOf(options);
    if (items.length === 0) throw new InputError('export', '', 'has nothing to export', 'give --key, --run or --opening');
    writeNew(file as string, encryptSecret(encodeVault(items), await newPassphrase(`Passphrase for ${file}: `)));
    return {
      json: { file, items: items.map(shown), warning: LOSING_D },
      text: [`${file}, encrypted:`, ...items.map((i) => `  ${i.kind} ${i.name}`), LOSING_D].join('\n'),
    };
  });
}

function importCommand(): Command {
  const command = new Command('import')
    .description('take secrets out of a file of `keys export`, each into a file of mode 0600')
    .argument('<file>', 'file of `keys export`')
    .requiredOption('--out <folder>', 'folder for them: a run’s, to reveal from it; files that exist must hold the same, and are kept')
    .option('--encrypt', 'encrypt them with the same passphrase');
  example(command, 'fineproof keys import backup.vault --out run/');
  return action<{ readonly out: string; readonly encrypt?: true }>(command, async ([path], { out, encrypt }) => {
    const file = path as string;
    const bytes = readBounded(file, MAX_VAULT);
    if (!isEncrypted(bytes)) throw new InputError(file, '', 'is no file of `fineproof keys export`', 'give the file that it wrote');
    const word = await passphrase(`Passphrase of ${file}: `);
    const items = decodeVault(decryptSecret(bytes, word, file), file);
    const kept: string[] = [];
    const fresh: VaultItem[] = [];
    // All are looked at before the first one is written.
    for (const item of items) {
      const there = await existing(join(out, item.name), item);
      if (there) kept.push(item.name);
      else fresh.push(item);
    }
    for (const item of fresh) writeNew(join(out, item.name), item.bytes, encrypt === true ? word : undefined);
    return {
      json: { folder: out, items: items.map(shown), kept, warning: LOSING_D },
      text: [...items.map((i) => `${i.kind} ${join(out, i.name)}${kept.includes(i.name) ? ' (was there)' : ''}`), LOSING_D].join('\n'),
    };
  });
}

/** Whether the secret is there already. Errors: another one is. */
async function existing(path: string, { kind, bytes }: VaultItem): Promise<boolean> {
  let there: Uint8Array;
  try {
    there = await loadSecret(path, MAX_VAULT);
  } catch (e) {
    if (e instanceof InputError && e.message.includes('does not exist')) return false;
    throw e;
  }
  const same = kind === 'delivery-key' ? decodeKey(there, path).secret === decodeKey(bytes, path).secret : Buffer.from(there).equals(bytes);
  if (!same) throw new InputError(path, '', 'holds another secret', 'import into another folder');
  return true;
}

/** `fineproof keys new|show|export|import` */
export function keysCommand(): Command {
  const command = new Command('keys').description(
    'keys of deliveries: the poster’s d, and the secrets of claims on their way between machines',
  );
  for (const make of [newCommand, showCommand, exportCommand, importCommand]) command.addCommand(make());
  return command;
}
