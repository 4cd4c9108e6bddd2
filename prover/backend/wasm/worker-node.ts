/** A worker of the pool in Node. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { serve, type ThreadStart } from './pool.ts';

await serve(workerData as ThreadStart, () => (parentPort as MessagePort).postMessage('done'));
