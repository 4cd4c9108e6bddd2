/** A helper thread of the trainer in a page; it tells its end by a message. */
import { help, type HelperStart } from './products.ts';

self.onmessage = ({ data }: MessageEvent<HelperStart>) => {
  help(data);
  self.postMessage(null);
};
