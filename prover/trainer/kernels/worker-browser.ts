/** A helper thread of the trainer in a page; it tells by messages that it runs, and that it has ended. */
import { help, type HelperStart } from './products.ts';

self.onmessage = ({ data }: MessageEvent<HelperStart>) => {
  self.postMessage('running');
  help(data);
  self.postMessage('ended');
};
