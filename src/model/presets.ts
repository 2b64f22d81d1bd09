import { z } from 'zod';

export const presetSchema = z.enum(['plain', 'streamlit', 'jupyter', 'kernel-gateway', 'gradio']);
export type PresetName = z.infer<typeof presetSchema>;

/** What a family of apps needs from gateway and probe. Facts: contracts/app-frameworks.md. */
export interface Preset {
  /** `keep`: the app sees `/app/<name>/x`. `strip`: the app sees `/x` and X-Forwarded-Prefix. */
  prefixMode: 'keep' | 'strip';
  /** Relative to the app's base. A 2xx or 3xx answer below 500 counts unless `healthBody` is set. */
  healthPath: string;
  /** When set, the body (trimmed) must equal it and the status must be 200. */
  healthBody?: string;
  /** When set, only this status counts: what lives elsewhere than its visitors come is not taken for ready. */
  healthStatus?: number;
  /** What to do about a 404 there; said with the failure of a start. */
  whenMissing?: string;
  /** Paths (prefix match, relative to the base) that are noise: never use, never wake. */
  ignoredPaths: readonly string[];
  /** Paths (likewise) that open tabs read again and again: reading them is no use, changing them is. */
  polledPaths: readonly string[];
  /** The gateway adds the tab script to HTML navigations, unless the app opts out. */
  tabScript: boolean;
  /** Environment an app of this family reads; `base` is the public path without final slash. */
  environment(input: { port: number; base: string }): Record<string, string>;
}

const plain: Preset = {
  prefixMode: 'strip',
  healthPath: '/',
  ignoredPaths: ['/favicon.ico', '/health', '/healthz'],
  polledPaths: [],
  tabScript: true,
  environment: ({ port, base }) => ({
    PORT: String(port),
    HOST: '127.0.0.1',
    LABKEEPER_BASE_PATH: base,
  }),
};

export const presets: Readonly<Record<PresetName, Preset>> = {
  plain,
  streamlit: {
    prefixMode: 'keep',
    healthPath: '/_stcore/health',
    healthBody: 'ok',
    ignoredPaths: [
      '/_stcore/health',
      '/_stcore/host-config',
      '/_stcore/script-health-check',
      '/_stcore/metrics',
      '/healthz',
      '/favicon.png',
    ],
    polledPaths: [],
    tabScript: true,
    environment: (input) => ({
      ...plain.environment(input),
      STREAMLIT_SERVER_PORT: String(input.port),
      STREAMLIT_SERVER_BASE_URL_PATH: input.base.replace(/^\//, ''),
      STREAMLIT_SERVER_HEADLESS: 'true',
      STREAMLIT_BROWSER_GATHER_USAGE_STATS: 'false',
      STREAMLIT_SERVER_FILE_WATCHER_TYPE: 'none',
    }),
  },
  jupyter: {
    prefixMode: 'keep',
    // Unlike /api/status it asks for no token.
    healthPath: '/api',
    healthStatus: 200,
    whenMissing: 'tell it where it lives by the argument --ServerApp.base_url={base}/',
    ignoredPaths: ['/api/status', '/favicon.ico', '/static/favicons'],
    // JupyterLab asks for each of them every few seconds, whoever sits there or not.
    polledPaths: [
      '/api/contents',
      '/api/kernels',
      '/api/kernelspecs',
      '/api/sessions',
      '/api/terminals',
    ],
    tabScript: true,
    environment: (input) => ({
      ...plain.environment(input),
      JUPYTER_PORT: String(input.port),
      JUPYTERHUB_SERVICE_PREFIX: `${input.base}/`,
    }),
  },
  'kernel-gateway': {
    prefixMode: 'keep',
    healthPath: '/api',
    ignoredPaths: [],
    polledPaths: ['/api'],
    tabScript: false,
    environment: (input) => ({
      ...plain.environment(input),
      KG_PORT: String(input.port),
      KG_BASE_URL: input.base,
    }),
  },
  gradio: {
    prefixMode: 'strip',
    healthPath: '/',
    ignoredPaths: ['/gradio_api/heartbeat', '/favicon.ico', '/theme.css'],
    polledPaths: [],
    tabScript: true,
    environment: (input) => ({
      ...plain.environment(input),
      GRADIO_SERVER_PORT: String(input.port),
      GRADIO_ROOT_PATH: input.base,
      GRADIO_ANALYTICS_ENABLED: 'False',
    }),
  },
};
