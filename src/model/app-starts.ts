import type { AppSpecInput } from './app-spec.ts';

/** A beginning for the form that registers apps: fields of a family that already fit together. */
export interface AppStart {
  id: string;
  label: string;
  /** What it is for, and what is still to be filled in. */
  sentence: string;
  spec: AppSpecInput;
}

/** One for each family of `presets`, and the two kinds of anything else. Paths and images are to be replaced. */
export const appStarts: readonly AppStart[] = [
  {
    id: 'program',
    label: 'Program',
    sentence: 'Any program that listens on the port it is told: {port} and the variable PORT.',
    spec: { command: ['python3', '-m', 'http.server', '{port}', '--bind', '127.0.0.1'] },
  },
  {
    id: 'container',
    label: 'Container',
    sentence: 'An image and the port it listens on; needs a Docker Engine on a host.',
    spec: { image: 'registry.example/team/app:v1', port: 8000 },
  },
  {
    id: 'streamlit',
    label: 'Streamlit',
    sentence: 'Port and path come from variables that Streamlit reads; only the file is missing.',
    spec: { preset: 'streamlit', command: ['streamlit', 'run', '/path/to/app.py'] },
  },
  {
    id: 'jupyter',
    label: 'Jupyter',
    sentence:
      'Has no token of its own: who may open the app is decided here. As root it needs --allow-root too.',
    spec: {
      preset: 'jupyter',
      command: [
        'jupyter',
        'lab',
        '--no-browser',
        '--ip=127.0.0.1',
        '--port={port}',
        '--ServerApp.base_url={base}/',
        '--ServerApp.allow_remote_access=True',
        '--IdentityProvider.token=',
      ],
    },
  },
  {
    id: 'gradio',
    label: 'Gradio',
    sentence: 'Port and path come from variables that Gradio reads; only the file is missing.',
    spec: { preset: 'gradio', command: ['python3', '/path/to/app.py'] },
  },
  {
    id: 'kernel-gateway',
    label: 'Kernel gateway',
    sentence: 'Serves notebooks as HTTP services, always on; port and path come from variables.',
    spec: {
      preset: 'kernel-gateway',
      alwaysOn: true,
      command: ['jupyter', 'kernelgateway', '--KernelGatewayApp.ip=127.0.0.1'],
    },
  },
];
