import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { exposition, expositionType, together } from '../metrics/exposition.ts';
import { gatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { FromWorker, GatewayPorts, Settings, ToWorker } from './messages.ts';

/** What the primary needs of a log: it loads no logging library, it has ten lines to write. */
interface PrimaryLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface PrimaryOptions {
  bind: string;
  workers: number;
  drainMs: number;
  ports: GatewayPorts & { metrics: number };
  /** Address of the family's own listener; null without one. */
  qulabsBind: string | null;
  hostName: string;
  log: PrimaryLog;
}

interface Member {
  id: string;
  worker: Worker;
  role: 'starting' | 'serving' | 'draining';
  startedMs: number;
  /** As it last said them, and in answer to which question. */
  numbers: Record<string, number>;
  question: number;
  unready: string | null;
}

/**
 * Holds the listeners and starts the workers behind them: dead ones again, all of them anew on
 * SIGHUP (from the code on disk; the old ones stop accepting only when the new ones listen). Ends on
 * SIGTERM once the workers have drained.
 */
export async function runPrimary(options: PrimaryOptions): Promise<void> {
  const { log } = options;
  const members = new Map<number, Member>();
  const ports = {
    console: await concretePort(options.bind, options.ports.console),
    apps: await concretePort(options.bind, options.ports.apps),
    ...(options.qulabsBind !== null && options.ports.qulabs !== undefined
      ? { qulabs: await concretePort(options.qulabsBind, options.ports.qulabs) }
      : {}),
  };
  let ending = false;
  /** What members that are gone had counted, as far as they said. */
  let ended: Record<string, number> = {};
  let quickDeaths = 0;
  let handingOver = false;

  const tell = (member: Member, message: ToWorker) => {
    if (member.worker.isConnected()) member.worker.send(message);
  };
  const serving = () => [...members.values()].filter((member) => member.role === 'serving');
  const tellAlive = () => {
    const ids = [...members.values()].map((member) => member.id);
    const first = serving()[0];
    if (first !== undefined) tell(first, { type: 'alive', ids });
  };

  const start = (): Promise<Member> => {
    const id = `${options.hostName}-${process.pid}-${randomBytes(4).toString('hex')}`;
    const settings: Settings = { id, ports };
    cluster.setupPrimary({
      args: [JSON.stringify(settings)],
      // Reads of busy sockets die young: room for them halves the time spent collecting them.
      execArgv: [...process.execArgv, '--max-semi-space-size=32'],
    });
    const worker = cluster.fork();
    const member: Member = {
      id,
      worker,
      role: 'starting',
      startedMs: Date.now(),
      numbers: {},
      question: 0,
      unready: 'it is starting',
    };
    members.set(worker.id, member);
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'numbers') {
          member.numbers = message.numbers;
          member.question = message.question;
          return;
        }
        if (message.type === 'state') {
          member.unready = message.unready;
          return;
        }
        member.role = 'serving';
        member.unready = null;
        resolve(member);
      });
      worker.on('exit', (code, signal) => {
        members.delete(worker.id);
        ended = together(gatewayMetrics, [ended], member.numbers);
        reject(new Error(`worker ${id} ended before it was ready (${signal ?? `code ${code}`})`));
        gone(member, code, signal);
      });
    });
  };

  const gone = (member: Member, code: number | null, signal: string | null) => {
    if (ending || member.role === 'draining' || handingOver) {
      tellAlive();
      return;
    }
    const lived = Date.now() - member.startedMs;
    quickDeaths = lived < 10_000 ? quickDeaths + 1 : 0;
    const delayMs = quickDeaths === 0 ? 0 : Math.min(5_000, 100 * 2 ** quickDeaths);
    log.error({ worker: member.id, code, signal, againInMs: delayMs }, 'a gateway worker died');
    tellAlive();
    setTimeout(() => {
      if (!ending)
        start().then(tellAlive, (error) => log.error({ why: String(error) }, 'no worker'));
    }, delayMs);
  };

  const handOver = async () => {
    if (handingOver || ending) return;
    handingOver = true;
    const old = serving();
    log.info({ old: old.map((member) => member.id) }, 'handing over to new workers');
    const fresh = Array.from({ length: options.workers }, () => start());
    const outcomes = await Promise.allSettled(fresh);
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    if (failed.length > 0) {
      log.error(
        { why: String(failed[0]?.reason) },
        'the new workers do not start: the old ones stay',
      );
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') retire(outcome.value);
      }
    } else for (const member of old) retire(member);
    handingOver = false;
    log.info({ ok: failed.length === 0 }, 'handed over');
  };

  const retire = (member: Member) => {
    member.role = 'draining';
    tell(member, { type: 'drain' });
    // It knows its deadline; this is for one that hangs.
    const deadline = setTimeout(() => member.worker.kill('SIGKILL'), options.drainMs + 10_000);
    member.worker.once('exit', () => clearTimeout(deadline));
  };

  const end = async () => {
    if (ending) return;
    ending = true;
    const exits = [...members.values()].map((member) => {
      const exited = new Promise((resolve) => member.worker.once('exit', resolve));
      if (member.role === 'starting') member.worker.kill('SIGKILL');
      else if (member.role === 'serving') retire(member);
      return exited;
    });
    await Promise.all(exits);
    process.exit(0);
  };

  process.on('SIGHUP', () => void handOver());
  process.on('SIGTERM', () => void end());
  process.on('SIGINT', () => void end());

  await Promise.all(Array.from({ length: options.workers }, () => start()));
  tellAlive();
  const metricsPort = await serveMetrics(options.ports.metrics, {
    members: () => [...members.values()],
    ended: () => ended,
    tell,
  });
  log.info({ consolePort: ports.console, appsPort: ports.apps, metricsPort }, 'ready');
}

/**
 * A port for 0, chosen once: workers of every generation ask for it by number, and share it by that.
 */
async function concretePort(host: string, port: number): Promise<number> {
  if (port !== 0) return port;
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Error(`cannot find a free port on ${host}`);
}

/** Health and metrics of all workers together, on loopback. */
async function serveMetrics(
  port: number,
  crew: {
    members: () => Member[];
    ended: () => Record<string, number>;
    tell: (member: Member, message: ToWorker) => void;
  },
): Promise<number> {
  let questions = 0;
  const server = http.createServer((request, response) => {
    const send = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    const members = crew.members();
    if (request.url === '/health/live') send(200, 'application/json', '{"status":"ok"}\n');
    else if (request.url === '/health/ready') {
      const ready = members.filter((one) => one.role === 'serving' && one.unready === null);
      const why = members[0]?.unready ?? 'no worker runs';
      if (ready.length > 0) send(200, 'application/json', '{"status":"ok"}\n');
      else send(503, 'application/json', `${JSON.stringify({ status: 'unready', why })}\n`);
    } else if (request.url === '/metrics') {
      questions += 1;
      void answered(members, questions, crew.tell).then(() => {
        const living = crew.members();
        const numbers = together(
          gatewayMetrics,
          living.map((member) => member.numbers),
          crew.ended(),
        );
        const serving = living.filter(({ role }) => role === 'serving').length;
        numbers['labkeeper_gateway_workers'] = serving;
        send(200, expositionType, exposition(gatewayMetrics, numbers));
      });
    } else send(404, 'text/plain', 'metrics, health/live or health/ready\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** One that is busy or has just died does not hold up the others: its last numbers stand. */
const answerWithinMs = 500;
const lookEveryMs = 5;

async function answered(
  members: readonly Member[],
  question: number,
  tell: (member: Member, message: ToWorker) => void,
): Promise<void> {
  for (const member of members) tell(member, { type: 'numbers', question });
  const endsAtMs = performance.now() + answerWithinMs;
  const isOpen = (member: Member) => member.worker.isConnected() && member.question < question;
  while (members.some(isOpen) && performance.now() < endsAtMs) await pause(lookEveryMs);
}
