/** Loaded before anything else of a process of the trials: it ends when the trials end, however they do: its standard input closes then. */
import type { Socket } from 'node:net';

process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL'));
process.stdin.resume();
(process.stdin as unknown as Socket).unref();
