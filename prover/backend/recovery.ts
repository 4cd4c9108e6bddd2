/** Going on after a device was lost: once with a new device, then with the wasm kernels. */
import { DeviceLostError } from './errors.ts';
import { selectBackend } from './index.ts';
import type { Backend } from './types.ts';

/** The backend at hand, and those that take its place. */
export class Recovery {
  private backend: Backend;
  private readonly onNotice: (text: string) => void;
  private readonly open: (name: string) => Promise<Backend>;
  private losses = 0;

  /** `onNotice` is told of every change; `open` makes the others. */
  constructor(backend: Backend, onNotice: (text: string) => void, open: (name: string) => Promise<Backend> = selectBackend) {
    this.backend = backend;
    this.onNotice = onNotice;
    this.open = open;
  }

  get current(): Backend {
    return this.backend;
  }

  /** Does a job, and all of it anew with another backend when the device is lost. */
  async run<T>(job: (backend: Backend) => Promise<T>): Promise<T> {
    for (;;)
      try {
        return await job(this.backend);
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        await this.replace(error);
      }
  }

  /** Another backend in the place of the one whose device was lost. */
  private async replace(lost: DeviceLostError): Promise<void> {
    await this.backend.close();
    const again = this.losses++ === 0 ? await this.open('webgpu').catch(() => null) : null;
    this.backend = again ?? (await this.open('wasm'));
    this.onNotice(`${lost.message}; what was begun is done again with ${again ? 'a new device' : 'the wasm backend'}`);
  }

  close(): Promise<void> {
    return this.backend.close();
  }
}
