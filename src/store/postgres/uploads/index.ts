import { LabError } from '../../../model/failures.ts';
import type { Upload, UploadStore } from '../../upload-ports.ts';
import type { Database, Query } from '../database.ts';

interface UploadRow extends Record<string, unknown> {
  id: string;
  owner: string;
  name: string;
  size_bytes: string;
  sha256: Buffer;
  created_at: Date;
  expires_at: Date;
}

/** Uploads on PostgreSQL. */
export function uploadStore(database: Database, limits: { maxUploads: number }): UploadStore {
  const { query } = database;
  return {
    begin: (input) => begin(query, input, limits),
    async append(id, place, bytes) {
      await query(
        'keep a piece of an upload',
        'INSERT INTO upload_pieces (upload, place, bytes) VALUES ($1, $2, $3)',
        [id, place, Buffer.from(bytes)],
      );
    },
    finish: (id, content) => finish(query, id, content),
    async discard(id) {
      await query('discard an upload', 'DELETE FROM uploads WHERE id = $1', [id]);
    },
    ofJob: (job) => ofJob(query, job),
    read: (id) => read(query, id),
    forget: (limit) => forget(query, limit),
  };
}

/** Counted without a lock: as many as are sent at once may pass the limit together. */
async function begin(
  query: Query,
  { id, owner, name, lastsMs }: Parameters<UploadStore['begin']>[0],
  { maxUploads }: { maxUploads: number },
): Promise<void> {
  const rows = await query(
    'begin an upload',
    `INSERT INTO uploads (id, owner, name, expires_at)
     SELECT $1, $2, $3, now() + $4::float8 * interval '1 ms'
     WHERE (SELECT count(*) FROM uploads WHERE owner = $2) < $5 RETURNING id`,
    [id, owner, name, lastsMs, maxUploads],
  );
  if (rows.length > 0) return;
  throw new LabError(
    'quota_exceeded',
    `cannot take ${name}: ${owner} has ${maxUploads} uploads, the most LABKEEPER_MAX_UPLOADS allows; old ones go by themselves`,
    { details: { limit: maxUploads } },
  );
}

async function finish(
  query: Query,
  id: string,
  { sizeBytes, sha256 }: { sizeBytes: number; sha256: string },
): Promise<Upload> {
  const [row] = await query<UploadRow>(
    'finish an upload',
    `UPDATE uploads SET size_bytes = $2, sha256 = decode($3, 'hex') WHERE id = $1 RETURNING *`,
    [id, sizeBytes, sha256],
  );
  if (row === undefined) throw new Error(`upload ${id} vanished while it was sent`);
  return {
    id,
    owner: row.owner,
    name: row.name,
    sizeBytes: Number(row.size_bytes),
    sha256: row.sha256.toString('hex'),
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  };
}

async function ofJob(query: Query, job: string): ReturnType<UploadStore['ofJob']> {
  const rows = await query<{ name: string; upload: string; size: string }>(
    `read the inputs of job/${job}`,
    `SELECT job_inputs.name, upload, size_bytes AS size FROM job_inputs
     JOIN uploads ON uploads.id = upload WHERE job = $1 ORDER BY job_inputs.name`,
    [job],
  );
  return rows.map(({ name, upload, size }) => ({ name, upload, sizeBytes: Number(size) }));
}

async function* read(query: Query, id: string): AsyncGenerator<Uint8Array> {
  const [row] = await query<{ pieces: number }>(
    'read an upload',
    `SELECT (SELECT count(*)::integer FROM upload_pieces WHERE upload = $1) AS pieces
     FROM uploads WHERE id = $1 AND sha256 IS NOT NULL`,
    [id],
  );
  if (row === undefined) throw new LabError('not_found', `there is no upload ${id} any more`);
  for (let place = 0; place < row.pieces; place += 1) {
    const [piece] = await query<{ bytes: Buffer }>(
      'read a piece of an upload',
      'SELECT bytes FROM upload_pieces WHERE upload = $1 AND place = $2',
      [id, place],
    );
    if (piece === undefined) throw new LabError('not_found', `upload ${id} is not whole`);
    yield piece.bytes;
  }
}

async function forget(query: Query, limit: number): Promise<number> {
  const rows = await query(
    'forget uploads',
    `DELETE FROM uploads WHERE id IN (
       SELECT id FROM uploads WHERE expires_at < now() AND NOT EXISTS (
         SELECT FROM job_inputs JOIN jobs ON jobs.id = job_inputs.job
         WHERE job_inputs.upload = uploads.id AND jobs.finished_at IS NULL)
       LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING id`,
    [limit],
  );
  return rows.length;
}

/** Within the submission: what a job names must be its owner's, whole, and not expired. */
export async function linkInputs(
  query: Query,
  job: { id: string; owner: string },
  inputs: readonly { upload: string; name?: string | undefined }[],
): Promise<void> {
  if (inputs.length === 0) return;
  const rows = await query<{ upload: string }>(
    'link the inputs',
    `INSERT INTO job_inputs (job, name, upload)
     SELECT $1, COALESCE(given.name, uploads.name), uploads.id
     FROM jsonb_to_recordset($3::jsonb) AS given (upload text, name text)
     JOIN uploads ON uploads.id = given.upload
     WHERE uploads.owner = $2 AND sha256 IS NOT NULL AND expires_at > now()
     ON CONFLICT DO NOTHING RETURNING upload`,
    [job.id, job.owner, JSON.stringify(inputs)],
  );
  if (rows.length === inputs.length) return;
  const linked = new Set(rows.map(({ upload }) => upload));
  const at = Math.max(
    0,
    inputs.findIndex(({ upload }) => !linked.has(upload)),
  );
  const field = `inputs.${at}.upload`;
  const what = `${field}: there is no upload ${inputs[at]?.upload} of ${job.owner}, it has expired, or another input has its name`;
  throw new LabError('invalid', `cannot submit job/${job.id}: ${what}`, {
    details: { field },
  });
}
