// host/listener/stream-schema.ts — what GET /v1/streams/NAME tells a producer.

import type { EngineLimits } from '../limits.ts';
import type { StreamPlan } from '../plan/plan.ts';
import { PROTOCOL_VERSION } from './control-text.ts';

export function streamSchema({ description }: StreamPlan, limits: EngineLimits): Record<string, unknown> {
  return {
    protocol: PROTOCOL_VERSION,
    stream: description.name,
    fields: description.fields,
    eventTime: description.eventTime ?? null,
    producers: description.producers,
    formats: {
      text: 'a JSON object, an array of objects, or one object per line',
      binary: 'one Arrow IPC stream per message',
    },
    frameBytesMax: limits.frameBytesMax,
    creditBytesMax: limits.creditBytesMax,
  };
}
