import type { AppStatus } from '../model/app-view.ts';
import type { JobState } from '../model/job-state.ts';
import type { VolumeStatus } from '../model/volume.ts';

/** Where a command writes: results to `out`, everything about the work itself to `error`. */
export interface Terminal {
  out(text: string): void;
  /** Bytes as they are, to where `out` goes; resolves when more may come. */
  bytes(chunk: Uint8Array): Promise<void>;
  error(text: string): void;
  /** A person watches `error`: progress may overwrite its own line. */
  isInteractive: boolean;
  /** A person watches `out`. */
  isOutputInteractive: boolean;
  /** Whether `out` shows colours. */
  colors: boolean;
}

type Tone = 'good' | 'bad' | 'busy' | 'soft' | 'strong';

const codes: Readonly<Record<Tone, string>> = {
  good: '32',
  bad: '31',
  busy: '33',
  soft: '2',
  strong: '1',
};

/** Text in a tone, where colours are shown. */
export function tinted(terminal: Pick<Terminal, 'colors'>, tone: Tone, text: string): string {
  return terminal.colors ? `\u001b[${codes[tone]}m${text}\u001b[0m` : text;
}

const tones: Readonly<Record<AppStatus, Tone>> = {
  asleep: 'soft',
  starting: 'busy',
  ready: 'good',
  restarting: 'busy',
  stopping: 'busy',
  failed: 'bad',
  removing: 'busy',
};

export const statusTone = (status: AppStatus): Tone => tones[status];

const volumeTones: Readonly<Record<VolumeStatus, Tone>> = {
  unused: 'soft',
  ok: 'good',
  'nearly full': 'busy',
  full: 'bad',
  removing: 'busy',
};

export const volumeTone = (status: VolumeStatus): Tone => volumeTones[status];

const jobTones: Readonly<Record<JobState, Tone>> = {
  queued: 'soft',
  preparing: 'busy',
  running: 'busy',
  stopping: 'busy',
  succeeded: 'good',
  failed: 'bad',
  canceled: 'soft',
  expired: 'bad',
};

export const jobTone = (state: JobState): Tone => jobTones[state];

/** What `--json` prints. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** One line without control characters: what others wrote must not steer the terminal. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** Log text for a person's terminal: its colours stay, whatever else would steer goes. */
export function withoutSteering(text: string): string {
  return text
    .replace(/\u001b\[[0-9;]*m/g, (colors) => `\u0001${colors.slice(1)}`)
    .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|.)?/gs, '')
    .replace(/[\u0000\u0002-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '')
    .replace(/\u0001/g, '\u001b');
}
