// host/client/index.ts — the entry `pelton/client`: send records to a stream, follow the results of a sink.

export { ClientError, isClientError } from './client-error.ts';
export {
  type Followed,
  type FollowedArrowRows,
  type Following,
  type FollowOptions,
  follow,
  followEach,
  type Gap,
  type Offsets,
} from './following.ts';
export type { Outcome, Reject, RowReject, Told } from './outcome.ts';
export type { LinkEvent } from './producer-link.ts';
export type { RecordOf, RecordValue } from './record-batch.ts';
export type { Timing } from './retry.ts';
export type { ArrowRows, JsonRows, SinkFormat, SinkTime } from './sink-message.ts';
export { type StreamInfo, streamInfo } from './stream-info.ts';
export { type OpenProducerOptions, openProducer, type SendOptions, type StreamProducer } from './stream-producer.ts';
