/** A worker of the page that calls one function of in-page.ts; the product's own workers are workers of it. */
import * as functions from './in-page.ts';

export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

self.onmessage = async ({ data: { name, args } }: MessageEvent<Call>) => {
  const run = functions[name as keyof typeof functions] as (...args: readonly unknown[]) => Promise<unknown>;
  try {
    self.postMessage(await run(...args));
  } catch (error) {
    reportError(error);
  }
};
