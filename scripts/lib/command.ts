/**
 * What every command shares: `--json` prints exactly one JSON object on standard output (errors too), text goes there otherwise,
 * progress goes to standard error, and a failure ends with exit code 1 (2: wrong usage).
 */
import { CommanderError, type Command } from 'commander';
import { BaseError, HttpRequestError, TimeoutError } from 'viem';
import { InputError } from '../../verifier/input.ts';

/** What a command has to say, for programs and for people. `failed` gives exit code 1 without being an error (a refused bundle). */
export interface Report {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly failed?: boolean;
}

const replacer = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);

/** An error as `--json` prints it. */
export const describeError = (e: unknown): { message: string; [field: string]: unknown } => {
  if (e instanceof InputError) return { message: e.message, file: e.source, field: e.field, cure: e.cure };
  const lost = e instanceof BaseError ? e.walk((x) => x instanceof HttpRequestError || x instanceof TimeoutError) : null;
  if (lost instanceof BaseError)
    return describeError(
      new InputError(
        '--rpc',
        '',
        `the node stopped answering: ${lost.shortMessage}`,
        'give the command again when it answers; what was sent before stands on the chain',
      ),
    );
  if (e instanceof BaseError) return { message: [e.shortMessage, ...(e.metaMessages ?? [])].join(' ').trim() };
  return { message: e instanceof Error ? e.message : String(e) };
};

/** Makes `run` the action of a command; adds `--json`. `O` is what the command's options parse to. */
export function action<O extends object>(command: Command, run: (args: readonly string[], options: O) => Promise<Report>): Command {
  command.option('--json', 'print one JSON object');
  return command.action(async () => {
    const options = command.opts<O & { json?: true }>();
    const json = options.json === true;
    try {
      const report = await run(command.args, options);
      process.stdout.write(json ? `${JSON.stringify(report.json, replacer)}\n` : `${report.text}\n`);
      process.exitCode = report.failed === true ? 1 : 0;
    } catch (e) {
      if (process.env['FINEPROOF_DEBUG'] !== undefined) console.error(e);
      const error = describeError(e);
      process.stdout.write(json ? `${JSON.stringify({ error })}\n` : '');
      if (!json) process.stderr.write(`error: ${error.message}\n`);
      process.exitCode = 1;
    }
  });
}

/** Adds an example to `--help`. */
export const example = (command: Command, text: string): Command => command.addHelpText('after', `\nExample:\n  ${text}`);

/** Lines of aligned columns. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, String(cell).length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (typeof cell === 'number' ? String(cell).padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Runs a program whose commands are made when called (`--help` makes all); with --json a wrong usage is one JSON object too. */
export async function runProgram(program: Command, commands: Readonly<Record<string, () => Promise<Command>>>): Promise<void> {
  const called = Object.hasOwn(commands, process.argv[2] ?? '') ? [process.argv[2] as string] : Object.keys(commands);
  for (const name of called) program.addCommand(await (commands[name] as () => Promise<Command>)());
  const json = process.argv.includes('--json');
  const quiet = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => {} });
    command.commands.forEach(quiet);
  };
  if (json) quiet(program);
  try {
    await program.parseAsync();
  } catch (e) {
    if (!json || !(e instanceof CommanderError)) throw e;
    if (e.exitCode !== 0) process.stdout.write(`${JSON.stringify({ error: { message: e.message.replace(/^error: /, '') } })}\n`);
    process.exitCode = e.exitCode;
  }
}
