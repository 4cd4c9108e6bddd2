#!/usr/bin/env node
/** The command `fineproof`. */
import { run } from './bootstrap.mjs';

run('scripts/fineproof.ts', process.argv.slice(2));
