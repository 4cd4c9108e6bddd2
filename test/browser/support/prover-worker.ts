/** A worker of the page that proves: the backend's own workers are workers of it. */
import { prove } from './in-page.ts';

self.onmessage = ({ data }: MessageEvent<number>) =>
  prove(data, { workers: 2 }).then(
    (bundle) => self.postMessage(bundle),
    (error) => self.postMessage(String(error)),
  );
