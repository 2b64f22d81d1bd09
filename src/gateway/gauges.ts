import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { NewsHub } from './events.ts';
import type { Holds } from './hold.ts';
import type { Listener } from './http/connection.ts';
import type { Routes } from './routes.ts';
import type { Sockets } from './sockets.ts';

/** What stands in memory anyway is read when somebody looks at the numbers, and costs nothing before. */
export function measureGateway(
  metrics: GatewayMetrics,
  parts: {
    listeners: readonly Listener[];
    routes: Routes;
    sockets: Sockets;
    hub: NewsHub;
    holds: Holds;
    /** Apps whose use is not written yet. */
    unreported: () => number;
  },
): void {
  const { listeners, routes, sockets, hub, holds } = parts;
  const refusals = metrics.counter('labkeeper_gateway_refused_connections_total');
  let refusedBefore = 0;
  metrics.onCollect(() => {
    const sum = (count: (listener: Listener) => number) =>
      listeners.reduce((total, listener) => total + count(listener), 0);
    const refused = sum(({ refusedConnections }) => refusedConnections);
    refusals.add(refused - refusedBefore);
    refusedBefore = refused;
    metrics.gauge('labkeeper_gateway_connections').set(sum(({ connections }) => connections.size));
    metrics.gauge('labkeeper_gateway_websockets').set(sockets.open);
    metrics.gauge('labkeeper_gateway_event_streams').set(hub.open);
    metrics.gauge('labkeeper_gateway_waiting_pages').set(waitingPages(hub));
    metrics.gauge('labkeeper_gateway_held_requests').set(holds.held);
    metrics.gauge('labkeeper_gateway_apps').set(routes.entries.size);
    const ageMs = performance.now() - routes.readAllAtMs;
    metrics.gauge('labkeeper_gateway_routes_age_seconds').set(ageMs / 1000);
    metrics.gauge('labkeeper_gateway_store_reachable').set(routes.storeReachable ? 1 : 0);
    metrics.gauge('labkeeper_gateway_use_unreported').set(parts.unreported());
  });
}

function waitingPages(hub: NewsHub): number {
  let count = 0;
  for (const streams of hub.byApp.values()) for (const one of streams) if (one.waits) count += 1;
  return count;
}
