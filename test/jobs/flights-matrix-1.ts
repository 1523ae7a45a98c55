// test/jobs/flights-matrix-1.ts — every order, format and frame size on a stream of its own, fed by one producer.
import { job } from '../../host/index.ts';
import { flightsQueries, matrixStreams } from './flights-queries.ts';

export default job('flights-matrix-1', ...matrixStreams(1).flatMap(flightsQueries));
