/** The health endpoint, and the metrics as Prometheus reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthOption, serveHealth, type Health } from '../../scripts/lib/service/health.ts';
import { createMetrics } from '../../scripts/lib/service/metrics.ts';

test('200 when well, 503 with the reason when not; nothing else is served', async () => {
  let health: Health = { ok: true, reason: 'ok' };
  const server = await serveHealth(
    { host: '127.0.0.1', port: 0 },
    () => health,
    () => 'fineproof_x 1\n',
  );
  try {
    const get = (path: string, method = 'GET'): Promise<Response> => fetch(`${server.url}${path}`, { method });
    assert.equal((await get('/healthz')).status, 200);
    health = { ok: false, reason: 'the chain was not read for 90 s' };
    const ill = await get('/healthz');
    assert.deepEqual([ill.status, await ill.json()], [503, health]);
    const metrics = await get('/metrics');
    assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.equal(await metrics.text(), 'fineproof_x 1\n');
    assert.equal((await get('/')).status, 404);
    assert.equal((await get('/metrics', 'POST')).status, 405);
    const { port } = new URL(server.url);
    await assert.rejects(
      serveHealth({ host: '127.0.0.1', port: Number(port) }, () => health, String),
      /--health: 127\.0\.0\.1:\d+ cannot be had: EADDRINUSE/,
    );
  } finally {
    server.close();
  }
  await assert.rejects(fetch(server.url));
});

test('every metric has a help, a type and well-formed samples; the histogram is cumulative', () => {
  const metrics = createMetrics();
  for (const seconds of [0.3, 2, 1000]) metrics.verified(seconds);
  metrics.valid = 2;
  metrics.lastBlock = 7n;
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of metrics.text().trimEnd().split('\n')) {
    const comment = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line);
    if (comment?.[1] === 'TYPE') types.set(comment[2] as string, comment[3] as string);
    if (comment !== null) continue;
    const sample = /^((\w+)(?:\{\w+="[^"]*"\})?) (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line);
    assert.ok(sample, line);
    samples.set(sample[1] as string, Number(sample[3]));
    const family = (sample[2] as string).replace(/_(bucket|sum|count)$/, '');
    assert.ok(types.has(family), line);
    assert.equal(family.endsWith('_total'), types.get(family) === 'counter', line);
  }
  const buckets = [0.1, 0.5, 1, 5, 15, 60, 300, '+Inf'].map((le) => samples.get(`fineproof_verification_seconds_bucket{le="${le}"}`));
  assert.deepEqual(buckets, [0, 1, 1, 2, 2, 2, 2, 3]);
  assert.equal(samples.get('fineproof_verification_seconds_sum'), 1002.3);
  assert.equal(samples.get('fineproof_verdicts_total{valid="true"}'), 2);
  assert.equal(samples.get('fineproof_last_block'), 7);
});

test('--health: a port is one of loopback', () => {
  assert.deepEqual(healthOption('9464'), { host: '127.0.0.1', port: 9464 });
  assert.deepEqual(healthOption('0.0.0.0:80'), { host: '0.0.0.0', port: 80 });
  assert.deepEqual(healthOption('[::1]:80'), { host: '::1', port: 80 });
  for (const bad of ['x', '1.2.3.4', '1:2:3', '99999', 'a b:1']) assert.throws(() => healthOption(bad), /host:port/);
});
