/**
 * Serves the repository to a page on 127.0.0.1, without a bundler: TypeScript stripped of its types, npm packages as they are. Bare specifiers
 * become addresses on the way, because an import map does not reach module workers. Under `/isolated/` everything has the headers
 * that make a page cross-origin isolated, under `/plain/` nothing has.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { findPackageJSON, stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PACKAGES = realpathSync(join(ROOT, 'node_modules'));
const FOLDERS = ['prover', 'verifier', 'test', 'node_modules'];
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const TYPES: Readonly<Record<string, string>> = {
  '.ts': 'text/javascript',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};
/** Modules of Node that test files import, as they are in a page. */
const SHIMS: Readonly<Record<string, string>> = {
  'node:test': join(ROOT, 'test/browser/shims/test.ts'),
  'node:assert/strict': join(ROOT, 'test/browser/shims/assert.ts'),
};
/** Conditions of package.json's "exports" and "imports" that hold in a page. */
const CONDITIONS = new Set(['browser', 'import', 'default']);

/** The specifier of `import … from`, `export … from`, `import '…'` and `import('…')`. */
const SPECIFIER = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"'\n]+)\2/g;

type Target = string | null | readonly Target[] | { readonly [key: string]: Target };

/** The file that a target of "exports" or "imports" names in a page. */
function choose(target: Target | undefined): string | null {
  if (typeof target === 'string') return target;
  if (target === undefined || target === null) return null;
  if (Array.isArray(target)) return choose((target as readonly Target[])[0]);
  const entry = Object.entries(target).find(([condition]) => CONDITIONS.has(condition));
  return choose(entry?.[1]);
}

/** The entry of "exports" or "imports" for a subpath, patterns with one star included. */
function lookUp(map: Readonly<Record<string, Target>>, subpath: string): string | null {
  if (subpath in map) return choose(map[subpath]);
  for (const [pattern, target] of Object.entries(map)) {
    const [start, end] = pattern.split('*') as [string, string?];
    if (end === undefined || !subpath.startsWith(start) || !subpath.endsWith(end)) continue;
    return choose(target)?.replaceAll('*', subpath.slice(start.length, subpath.length - end.length)) ?? null;
  }
  return null;
}

/** The package.json of a package as a module sees it; null if it is not installed, as for an example in a comment. */
function manifestOf(specifier: string, importer: string): string | null {
  try {
    return findPackageJSON(specifier, pathToFileURL(importer)) ?? null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

/** The file of a bare specifier in a page; null if there is none. */
function resolveBare(specifier: string, importer: string): string | null {
  if (specifier in SHIMS) return SHIMS[specifier] as string;
  if (specifier.startsWith('node:')) return null;
  const own = specifier.startsWith('#');
  const manifest = manifestOf(own ? '.' : specifier, importer);
  if (manifest === null) return null;
  const { exports, imports, module, main } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    readonly exports?: Target;
    readonly imports?: Readonly<Record<string, Target>>;
    readonly module?: string;
    readonly main?: string;
  };
  const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] as string;
  const subpath = `.${specifier.slice(name.length)}`;
  let target: string | null;
  if (own) target = lookUp(imports ?? {}, specifier);
  else if (exports === undefined) target = subpath === '.' ? (module ?? main ?? null) : subpath;
  else if (typeof exports === 'object' && Object.keys(exports ?? {}).some((key) => key.startsWith('.')))
    target = lookUp(exports as Readonly<Record<string, Target>>, subpath);
  else target = subpath === '.' ? choose(exports) : null;
  return target === null ? null : join(dirname(manifest), target);
}

/** A file's path from the root of what is served. */
function pathOf(file: string): string {
  const real = realpathSync(file);
  const inside = real.startsWith(PACKAGES + sep) ? join('node_modules', relative(PACKAGES, real)) : relative(realpathSync(ROOT), real);
  return inside.split(sep).join('/');
}

function source(file: string, base: string): string {
  const text = readFileSync(file, 'utf8');
  const script = file.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
  return script.replace(SPECIFIER, (whole, before: string, quote: string, specifier: string) => {
    if (/^[./]/.test(specifier)) return whole;
    const found = resolveBare(specifier, file);
    return found === null || !existsSync(found) ? whole : `${before}${quote}${base}${pathOf(found)}${quote}`;
  });
}

export interface Site {
  /** Address with a slash at its end; files of the repository lie below it. */
  readonly isolated: string;
  readonly plain: string;
  /** Paths that are answered with status 404. */
  readonly missing: Set<string>;
  close(): Promise<void>;
}

/** Starts the server on a free port. */
export async function serveRepository(): Promise<Site> {
  const missing = new Set<string>();
  const served = new Map<string, string | Buffer>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const [, base, path] = /^(\/(?:isolated|plain)\/)(.*)$/.exec(decodeURIComponent(pathname)) ?? [];
    const headers = base === '/isolated/' ? ISOLATED : {};
    const refuse = (status: number, why: string): void =>
      void response.writeHead(status, { ...headers, 'Content-Type': 'text/plain' }).end(why);
    if (base === undefined || path === undefined) return refuse(404, 'no such page');
    if (path === '') {
      response
        .writeHead(200, { ...headers, 'Content-Type': 'text/html' })
        .end('<!doctype html><link rel="icon" href="data:," /><title>Fineproof</title>');
      return;
    }
    const file = join(ROOT, path);
    const type = TYPES[extname(file)];
    if (
      type === undefined ||
      missing.has(path) ||
      !FOLDERS.some((folder) => file.startsWith(join(ROOT, folder) + sep)) ||
      !existsSync(file)
    )
      return refuse(404, `${path} is not served`);
    try {
      const body = served.get(pathname) ?? (type === 'text/javascript' ? source(file, base) : readFileSync(file));
      served.set(pathname, body);
      response.writeHead(200, { ...headers, 'Content-Type': type }).end(body);
    } catch (error) {
      refuse(500, String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    isolated: `${address}/isolated/`,
    plain: `${address}/plain/`,
    missing,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
