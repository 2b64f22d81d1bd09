import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { LabError } from '../../model/failures.ts';
import type { ApiEnv } from '../dependencies.ts';
import { formScript } from './form-script.ts';
import { logScript } from './log-script.ts';
import { liveScript } from './live-script.ts';
import { icon, style } from './style.ts';

// Values of a module are there only below their line: what the live script uses at once stands above it.
const script = `${logScript}${liveScript}${formScript}`;

/** Addresses of what pages load. They hold a digest, so that each may be kept for ever. */
export const assetPaths = {
  style: pathOf('style', 'css', style),
  script: pathOf('live', 'js', script),
  icon: pathOf('icon', 'svg', icon),
};

const bodies = new Map([
  [assetPaths.style, { type: 'text/css', body: style }],
  [assetPaths.script, { type: 'text/javascript', body: script }],
  [assetPaths.icon, { type: 'image/svg+xml', body: icon }],
]);

/** `/assets/…`: all from here, nothing from elsewhere. */
export function assets(): Hono<ApiEnv> {
  return new Hono<ApiEnv>().get('/assets/:file', (context) => {
    const asset = bodies.get(context.req.path);
    if (asset === undefined) {
      throw new LabError('not_found', `there is no file ${context.req.path}; reload the page`);
    }
    return context.body(asset.body, 200, {
      'content-type': `${asset.type}; charset=utf-8`,
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });
}

function pathOf(name: string, extension: string, body: string): string {
  const digest = createHash('sha256').update(body).digest('hex').slice(0, 12);
  return `/assets/${name}-${digest}.${extension}`;
}
