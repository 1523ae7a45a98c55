// host/client/stream-info.ts — asks an engine for a stream's schema and limits (GET /v1/streams/NAME).

import type { FieldDescription } from '../job/description.ts';
import { engineAddress } from './address.ts';
import { ClientError, refusal } from './client-error.ts';
import { ANSWER_MS_MAX } from './limits.ts';
import { connectError } from './socket.ts';

export interface StreamInfo {
  stream: string;
  fields: readonly FieldDescription[];
  frameBytesMax: number;
}

/** @throws ClientError */
export async function streamInfo(url: string, stream: string): Promise<StreamInfo> {
  const address = engineAddress(url);
  const where = `${address.http}/v1/streams/${encodeURIComponent(stream)}`;
  let response: Response;
  let body: string;
  try {
    response = await fetch(where, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    body = await response.text();
  } catch (error) {
    throw connectError(address, error);
  }
  if (!response.ok) throw refusal(response.status, body, where);
  try {
    const info = JSON.parse(body) as StreamInfo;
    if (Array.isArray(info.fields)) return info;
  } catch {
    // Said below.
  }
  throw new ClientError('UNEXPECTED_ANSWER', `${where} answers no schema; is this a Pelton engine?`);
}
