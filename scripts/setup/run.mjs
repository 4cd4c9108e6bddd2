/** `node scripts/setup/run.mjs <script> [arguments]`: what package.json's scripts call. */
import { run } from './bootstrap.mjs';

const [script, ...args] = process.argv.slice(2);
run(script, args);
