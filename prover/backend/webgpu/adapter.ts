/**
 * The choice of an adapter. A fallback (software) adapter is slower than the WASM kernels and is never taken unless it is asked for.
 */
import { openGpu } from '#gpu';

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Computed by the processor. */
  readonly software: boolean;
}

export interface Adapter {
  readonly info: AdapterInfo;
  /** Limits that its devices have. */
  readonly limits: Readonly<Record<(typeof LIMITS)[number], number>>;
  /** A new device. */
  open(): Promise<GPUDevice>;
}

/** Limits that kernels profit from; the adapter's own are asked for. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupStorageSize',
  'maxStorageBuffersPerShaderStage',
] as const;

/** Drivers that compute on the processor, also where the browser does not say so. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

function describe(adapter: GPUAdapter): AdapterInfo {
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const software = isFallbackAdapter || SOFTWARE.test(`${vendor} ${architecture} ${description}`);
  return { vendor, architecture, description: description || `${vendor} ${architecture}`.trim() || 'unnamed adapter', software };
}

const WISHES: readonly GPURequestAdapterOptions[] = [
  { powerPreference: 'high-performance' },
  { powerPreference: 'low-power' },
  { forceFallbackAdapter: true },
];

/** All adapters that the system offers, the preferred one first. Throws where WebGPU itself is missing. */
export async function listAdapters(): Promise<Adapter[]> {
  const gpu = await openGpu();
  const found: Adapter[] = [];
  for (const wish of WISHES) {
    const adapter = await gpu.requestAdapter(wish);
    if (!adapter) continue;
    const info = describe(adapter);
    if (found.some((x) => JSON.stringify(x.info) === JSON.stringify(info))) continue;
    const limits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])) as Adapter['limits'];
    // An adapter gives one device; the next needs it anew.
    const open = async (): Promise<GPUDevice> => {
      const fresh = await gpu.requestAdapter(wish);
      if (!fresh) throw new Error(`webgpu: ${info.description} is gone`);
      return fresh.requestDevice({ requiredLimits: limits });
    };
    found.push({ info, limits, open });
  }
  return found.sort((a, b) => Number(a.info.software) - Number(b.info.software));
}

/** The adapter to compute on. Throws, with the cure, where there is none; without `software`, also where there are only such. */
export async function chooseAdapter(software: boolean): Promise<Adapter> {
  const [first] = await listAdapters();
  if (!first)
    throw new Error(
      'webgpu: no adapter; install the driver of the graphics card and, on Linux, the Vulkan loader (libvulkan.so.1), or choose the wasm backend',
    );
  if (first.info.software && !software)
    throw new Error(`webgpu: the only adapter is ${first.info.description}, which the processor computes; the wasm backend is faster`);
  return first;
}
