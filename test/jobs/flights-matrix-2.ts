// test/jobs/flights-matrix-2.ts — every order, format and frame size on a stream of its own, fed by two producers.
import { job } from '../../host/index.ts';
import { flightsQueries, matrixStreams } from './flights-queries.ts';

export default job('flights-matrix-2', ...matrixStreams(2).flatMap(flightsQueries));
