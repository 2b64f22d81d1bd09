// `npm start`: sets up what is missing, then runs everything. `--dev` runs the sources, restarting
// on change. Other arguments go to `labkeeper up`.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { engineOf, setup } from './setup.mjs';

const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2).filter((word) => word !== '--dev');
const dev = process.argv.includes('--dev');

try {
  await setup({ ...engineOf(args), built: !dev });
} catch (error) {
  console.error(`labkeeper: ${error.message}`);
  process.exit(1);
}

const program = dev
  ? ['--import', import.meta.resolve('tsx'), join(root, 'src/cli/main.ts')]
  : [join(root, 'dist/cli.js')];
const command = ['--enable-source-maps', ...program, 'up', ...(dev ? ['--watch'] : []), ...args];
const child = spawn(process.execPath, command, { stdio: 'inherit' });
// A terminal sends Ctrl-C to both: the child decides when to end. Others reach only this process.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 128);
});
