/** A worker of the pool in a browser. */
import { serve, type ThreadStart } from './pool.ts';
import type { WorkerMessage } from './threads-browser.ts';

const tell = (message: WorkerMessage): void => self.postMessage(message);

self.onmessage = ({ data }: MessageEvent<ThreadStart>) =>
  serve(data, () => tell('done')).then(
    () => tell('ended'),
    (error) => reportError(error),
  );
