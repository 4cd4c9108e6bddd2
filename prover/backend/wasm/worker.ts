/** A worker of the pool in Node. */
import { workerData } from 'node:worker_threads';
import { serve, type ThreadStart } from './pool.ts';

await serve(workerData as ThreadStart);
