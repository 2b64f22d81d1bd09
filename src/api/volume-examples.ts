import type { VolumeBody, VolumeJson } from '../model/volume-api.ts';
import { volumeLimitMeaning } from '../model/volume.ts';

/** What the documentation shows of volumes. A test sends and parses every one of them. */
export const exampleVolumeBody: VolumeBody = {
  title: 'What the lab measured',
  maxBytes: 21_474_836_480,
};

export const exampleVolume: VolumeJson = {
  name: 'measurements',
  title: 'What the lab measured',
  space: 'default',
  owner: 'ada@uni.example',
  host: 'local',
  status: 'ok',
  explanation: 'measurements lives on local and holds 1.2 GiB of 20 GiB in 3400 files.',
  maxBytes: 21_474_836_480,
  limitMeaning: volumeLimitMeaning,
  measured: {
    sizeBytes: 1_288_490_188,
    fileCount: 3_400,
    whole: true,
    at: '2026-03-02T09:15:00.000Z',
  },
  hindrance: null,
  apps: ['plot', 'report'],
  createdAt: '2026-03-01T09:00:00.000Z',
  deletedAt: null,
  links: {
    self: '/api/v1/volumes/measurements',
    archive: '/api/v1/volumes/measurements/archive',
    events: '/api/v1/volumes/measurements/events',
    page: '/manage/volume/measurements',
  },
};
