/**
 * Tables whose rows a restore forgets, each with the reason. All others come back: they are found in
 * the catalog, so a new table is brought along unless it is named here.
 */
export const ephemeralTables: Readonly<Record<string, string>> = {
  routes: 'where an instance listens that exists on one machine only; a start publishes it anew',
  route_words: 'what a gateway said of a stop that was going on',
  gateways: 'processes that run now; each says so every few seconds',
  app_connections: 'requests and sockets that were open in a gateway',
  hosts: 'agents that run now; each writes its row every few seconds',
  instances: 'containers and processes of one machine; they exist nowhere else',
  instance_secrets: 'what such an instance was given',
  leases: 'capacity of a machine that is not here any more',
  device_leases: 'devices of such a machine',
  sessions: 'one that was ended after the backup would live again; people log in once more',
  login_links: 'one that was used after the backup would work again',
  device_logins: 'logins of programs that were going on',
};
