/** A helper thread of the trainer in Node. */
import { workerData } from 'node:worker_threads';
import { help, type HelperStart } from './products.ts';

help(workerData as HelperStart);
