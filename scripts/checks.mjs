// The checks that need no server, side by side. Each prints only when it fails.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

const checks = [
  { name: 'format', command: ['oxfmt', '--check'], remedy: 'npm run format' },
  { name: 'lint', command: ['oxlint', '--quiet'], remedy: 'change the lines that it names' },
  { name: 'types', command: ['tsc', '-p', '.'], remedy: 'change the lines that it names' },
  { name: 'unused code', command: ['knip'], remedy: 'remove what it lists' },
  { name: 'docs', command: ['tsx', 'scripts/docs.ts', '--check'], remedy: 'npm run docs' },
];

/**
 * Runs all checks and tells each result. Gives how many passed and failed.
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runChecks() {
  const results = await Promise.all(checks.map(runCheck));
  const failed = results.filter((ok) => !ok).length;
  return { passed: results.length - failed, failed };
}

async function runCheck({ name, command, remedy }) {
  const began = performance.now();
  const { exitCode, output } = await run(command);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (exitCode === 0) console.log(`✓ ${name} (${seconds} s)`);
  else console.log(`✗ ${name} (${seconds} s): ${remedy}\n${output}`);
  return exitCode === 0;
}

/** Runs a program of node_modules/.bin and gives how it ended. */
export function run([program, ...args], options = {}) {
  const path = join(root, 'node_modules', '.bin', program);
  if (!existsSync(path)) {
    return Promise.resolve({ exitCode: 1, output: `${program} is not installed: npm run setup` });
  }
  return new Promise((done) => {
    const child = spawn(path, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.once('error', (error) => done({ exitCode: 1, output: error.message }));
    child.once('close', (exitCode) => done({ exitCode: exitCode ?? 1, output }));
  });
}
